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

// TranslateMessage carries one native message of the system from to the other
// system's form, offline: nobody asked and no identity is checked, which the
// report says. as are the schemes a response is wanted in, empty for the
// pair's own. A native failure is carried as a native failure.
func (l *Link) TranslateMessage(ctx context.Context, tables *mapping.Set, from string, m Message, as Schemes, in []byte, id system.MessageID) ([]byte, Report, error) {
	started := time.Now()
	var out []byte
	var report Report
	var err error
	switch m {
	case MessageRequest:
		out, report, err = l.request(ctx, tables, from, in, id)
	case MessageResponse:
		out, report, err = l.response(ctx, tables, from, as, in, id)
	default:
		err = fmt.Errorf("no message %q", m)
	}
	report.BytesIn, report.BytesOut = len(in), len(out)
	report.Micros = time.Since(started).Microseconds()
	return out, report, err
}

func (l *Link) request(ctx context.Context, tables *mapping.Set, from string, in []byte, id system.MessageID) ([]byte, Report, error) {
	d, err := l.Direction(from, tables)
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
	out, err := d.Holder.Codec.EncodeRequest(ask, id)
	if record.ReasonOf(err) == record.ReasonNoTarget {
		ask.Target = NoOrganisation
		report.Warnings = append(report.Warnings, WarningReport{Code: "organisation-not-named"})
		out, err = d.Holder.Codec.EncodeRequest(ask, id)
	}
	return out, report, err
}

func (l *Link) response(ctx context.Context, tables *mapping.Set, from string, as Schemes, in []byte, id system.MessageID) ([]byte, Report, error) {
	other, err := l.Pair.Other(from)
	if err != nil {
		return nil, Report{}, err
	}
	d, err := l.Direction(other.Name, tables)
	if err != nil {
		return nil, Report{}, err
	}
	report := d.report(string(MessageResponse))
	report.From, report.To = d.Holder.Name, d.Consumer.Name
	answer, err := d.Holder.Codec.DecodeResponse(ctx, in)
	if err != nil {
		return nil, report, err
	}
	q := record.Request{MessageID: id.ID, Sections: record.AllSections, Whole: true,
		CodeScheme: cmp.Or(as.Codes, d.Rules.Unasked.Codes), DrugScheme: cmp.Or(as.Drugs, d.Rules.Unasked.Drugs)}
	if rec := answer.Record(); rec != nil {
		rec.Source.System = d.Holder.Title
		report = d.Translate(rec, &q, &q)
	}
	report.Warnings = append(report.Warnings, WarningReport{Code: "identity-not-checked", Section: record.Demographics.String()})
	out, err := d.Consumer.Codec.EncodeResponse(&q, answer, id)
	return out, report, err
}
