package pairs

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// Message names what a native message is.
type Message string

// The messages of an exchange.
const (
	MessageRequest  Message = "request"
	MessageResponse Message = "response"
)

// NoOrganisation stands for the organisation asked in a request translated
// offline, where the native request names none and no agreement does. It is
// nobody's ODS code, so that no organisation answers such a message.
const NoOrganisation = "NOT-NAMED"

// Offline is what an offline translation has instead of an exchange.
type Offline struct {
	From    string // the system whose message it is
	Message Message
	// As are the schemes a response is wanted in, empty for the pair's own.
	As    Schemes
	ID    system.MessageID // of the message made
	Watch Watch            // of a response
}

// TranslateMessage carries one native message to the other system's form,
// offline: nobody asked and no identity is checked, which the report says. A
// native failure is carried as a native failure, of which a Watch hears
// nothing.
func (l *Link) TranslateMessage(ctx context.Context, tables *mapping.Set, in []byte, o Offline) ([]byte, Report, error) {
	started := time.Now()
	var out []byte
	var report Report
	var err error
	switch o.Message {
	case MessageRequest:
		out, report, err = l.request(ctx, tables, in, o)
	case MessageResponse:
		out, report, err = l.response(ctx, tables, in, o)
	default:
		err = fmt.Errorf("no message %q", o.Message)
	}
	report.BytesIn, report.BytesOut = len(in), len(out)
	report.Micros = time.Since(started).Microseconds()
	return out, report, err
}

func (l *Link) request(ctx context.Context, tables *mapping.Set, in []byte, o Offline) ([]byte, Report, error) {
	d, err := l.Direction(o.From, tables)
	if err != nil {
		return nil, Report{}, err
	}
	report := d.report(string(MessageRequest))
	report.From, report.To = d.Consumer.Name, d.Holder.Name
	q, err := d.Consumer.Codec.DecodeRequest(ctx, in)
	if err != nil {
		return nil, report, err
	}
	ask, err := d.TranslateRequest(&q)
	if err != nil {
		return nil, report, err
	}
	out, err := d.Holder.Codec.EncodeRequest(ask, o.ID)
	if record.ReasonOf(err) == record.ReasonNoTarget {
		ask.Target = NoOrganisation
		report.Warnings = append(report.Warnings, WarningReport{Code: "organisation-not-named"})
		out, err = d.Holder.Codec.EncodeRequest(ask, o.ID)
	}
	return out, report, err
}

func (l *Link) response(ctx context.Context, tables *mapping.Set, in []byte, o Offline) ([]byte, Report, error) {
	other, err := l.Pair.Other(o.From)
	if err != nil {
		return nil, Report{}, err
	}
	d, err := l.Direction(other.Name, tables)
	if err != nil {
		return nil, Report{}, err
	}
	d.Watch = o.Watch
	report := d.report(string(MessageResponse))
	report.From, report.To = d.Holder.Name, d.Consumer.Name
	answer, err := d.Holder.Codec.DecodeResponse(ctx, in)
	if err != nil {
		return nil, report, err
	}
	q := d.Whole(o.As)
	q.MessageID = o.ID.ID
	if rec := answer.Record(); rec != nil {
		rec.Source.System = d.Holder.Title
		report = d.Translate(rec, &q, &q)
	}
	report.Warnings = append(report.Warnings, WarningReport{Code: "identity-not-checked", Section: record.Demographics.String()})
	out, err := d.Consumer.Codec.EncodeResponse(&q, answer, o.ID)
	if rec := answer.Record(); rec != nil && err == nil {
		err = d.Sent(rec, out)
	}
	if err != nil {
		return nil, report, err
	}
	return out, report, nil
}

// Whole is the request an offline translation answers: everything, in the
// schemes given or else in the pair's own.
func (d *Direction) Whole(as Schemes) record.Request {
	return record.Request{Sections: record.AllSections, Whole: true,
		CodeScheme: cmp.Or(as.Codes, d.Rules.Unasked.Codes), DrugScheme: cmp.Or(as.Drugs, d.Rules.Unasked.Drugs)}
}
