package bridge

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/bridge/spine"
	"github.com/linkspan/linkspan/record"
)

// What an instance is asked about its audit log.
const (
	AuditFind   = "find"
	AuditVerify = "verify"
)

// AuditQuestion is one question about the audit log of an instance. It travels
// sealed under the link's key, for it may name a patient.
type AuditQuestion struct {
	Kind string `json:"kind"`
	// By is who asks. It is written into the log before the answer leaves, and
	// rests on nothing but that the asker has the link's key.
	By  string `json:"by"`
	Why string `json:"why,omitempty"`
	// Of AuditFind: the NHS number, or what else is looked for, and which file of
	// the log, counted from 0.
	Number string      `json:"number,omitempty"`
	Query  audit.Query `json:"query"`
	File   int         `json:"file,omitempty"`
	// Of AuditVerify: the sizes of the log the asker has a witness of.
	Sizes []uint64 `json:"sizes,omitempty"`
}

// AuditAnswer is what the instance says.
type AuditAnswer struct {
	Instance string        `json:"instance"`
	Found    []audit.Found `json:"found,omitempty"`
	Files    int           `json:"files,omitempty"` // there are of the log
	// Foreign counts the records of patients sealed under another key than the
	// instance's: they could not be searched.
	Foreign int `json:"foreign,omitempty"`
	// Damage is what is wrong with the log, "" where nothing was found.
	Damage  string        `json:"damage,omitempty"`
	Verdict audit.Verdict `json:"verdict,omitzero"`
	// Checkpoint is signed; Proofs show from it that what a witness saw is still
	// there, without the instance being believed.
	Checkpoint string        `json:"checkpoint,omitempty"`
	Verifier   string        `json:"verifier,omitempty"`
	Proofs     []audit.Proof `json:"proofs,omitempty"`
}

// auditHere is how an instance says that it keeps a log: one question, as many
// answers as there are instances. It holds nothing of a patient.
type auditHere struct {
	Instance string `json:"instance"`
}

// serveAudit answers privacy officers' questions about this instance's log
// (safety IG-14). A record of the question is durable before anything is said.
func (b *Bridge) serveAudit(l *ledger, verifier string) error {
	here, err := json.Marshal(auditHere{Instance: l.instance})
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	sub, err := b.nc.Subscribe(b.subjects.Audit(), func(m *nats.Msg) {
		_ = m.Respond(here) // who asked and went is no fault
	})
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	b.onStop(func(context.Context) error { return sub.Unsubscribe() })
	handle := func(ctx context.Context, m spine.Message) (spine.Message, error) {
		answer, err := b.answerAudit(ctx, l, m)
		if err != nil {
			return spine.Message{}, err
		}
		answer.Verifier = verifier
		body, err := json.Marshal(answer)
		if err != nil {
			return spine.Message{}, record.Fault(record.ReasonInternal, "audit answer", err)
		}
		return spine.Message{Claims: m.Claims, Body: body}, nil
	}
	return b.serve("linkspan-audit", "answers privacy officers about one audit log", []spine.Endpoint{{Name: "audit", Subject: b.subjects.AuditOf(l.instance), Queue: l.instance, Handle: handle}}, nil)
}

var (
	errQuestion = errors.New("a question without who asks, or of no kind that is known")
	errNumber   = errors.New("not an NHS number")
)

func (b *Bridge) answerAudit(ctx context.Context, l *ledger, m spine.Message) (AuditAnswer, error) {
	answer := AuditAnswer{Instance: l.instance}
	var q AuditQuestion
	if err := json.Unmarshal(m.Body, &q); err != nil || q.By == "" || q.Kind != AuditFind && q.Kind != AuditVerify {
		return answer, record.Fault(record.ReasonBadMessage, "audit", errQuestion)
	}
	entry := l.entry(audit.EventReported)
	entry.Exchange, entry.Attempt, entry.User, entry.ClaimSource, entry.Cause = m.Claims.Exchange, m.Claims.Attempt, q.By, "named by whoever has the link's key", q.Why
	entry.View = q.Kind
	if q.Number != "" {
		nhs, err := record.ParseNHSNumber(q.Number)
		if err != nil {
			return answer, record.Fault(record.ReasonBadMessage, "audit", errNumber)
		}
		q.Query.Ref = l.Reference(nhs.Digits())
		l.SealPatient(&entry, nhs.Digits())
	}
	if q.Kind == AuditFind && q.Query.Ref == "" && !q.Query.BreakGlass { // nobody is shown everything
		return answer, record.Fault(record.ReasonBadMessage, "audit", errQuestion)
	}
	entry.PatientRef = q.Query.Ref
	if _, err := l.Append(entry); err != nil {
		return answer, record.Fault(record.ReasonAudit, "audit", err)
	}
	var err error
	if q.Kind == AuditFind {
		var page audit.Page
		page, err = audit.Find(ctx, filepath.Join(b.config.Data, "audit"), l.instance, q.File, q.Query, l.Sealer)
		answer.Found, answer.Files, answer.Foreign = page.Found, page.Files, page.Foreign
	} else {
		if answer.Checkpoint, answer.Proofs, err = l.Prove(q.Sizes); err == nil {
			answer.Verdict, err = l.Verify(ctx)
		}
	}
	var damage *audit.Damage
	if errors.As(err, &damage) {
		answer.Damage, err = damage.Error(), nil
	}
	if err != nil {
		return answer, record.Fault(record.ReasonInternal, "audit", err)
	}
	return answer, nil
}

// AuditGather is where the instances of a link are asked from.
type AuditGather struct {
	NATS    *nats.Conn
	Economy string
	Link    string // economy/pair/environment
	KeyFile string // of the link's key
	// Expect are the instances known to exist. One of them that does not answer
	// is named, and so is one that said it is there and then did not answer.
	Expect []string
	// Wait is how long instances may take to say that they are there, Timeout
	// how long one answer may take; 0 is 2 s and 1 minute.
	Wait, Timeout time.Duration
}

// AuditFrom is what one instance answered, or why it did not.
type AuditFrom struct {
	Instance string
	Answer   AuditAnswer
	Err      error
}

// AskAudit asks every instance, whichever say they are there and those expected,
// and gives the answers in order of name. Files of a log are asked for one by
// one and put together.
func AskAudit(ctx context.Context, g AuditGather, q AuditQuestion, sizes map[string][]uint64) ([]AuditFrom, error) {
	key, err := linkKey(g.KeyFile)
	if err != nil {
		return nil, err
	}
	subjects := NewSubjects(g.Economy)
	instances, err := here(ctx, g, subjects)
	if err != nil {
		return nil, err
	}
	sp := spine.New(g.NATS, key, spine.Options{Limit: 64 << 20, Timeout: cmp.Or(g.Timeout, time.Minute), Link: g.Link})
	exchange := uuid.NewString()
	var all []AuditFrom
	for _, instance := range instances {
		own := q
		own.Sizes = sizes[instance]
		from := AuditFrom{Instance: instance}
		from.Answer, from.Err = askOne(ctx, sp, subjects.AuditOf(instance), exchange, own)
		if from.Err == nil && from.Answer.Instance != instance {
			from.Err = errors.New("another instance answered")
		}
		all = append(all, from)
	}
	return all, nil
}

func askOne(ctx context.Context, sp *spine.Spine, subject, exchange string, q AuditQuestion) (AuditAnswer, error) {
	var whole AuditAnswer
	for {
		body, err := json.Marshal(q)
		if err != nil {
			return whole, fmt.Errorf("audit: %w", err)
		}
		m, err := sp.Request(ctx, subject, spine.Message{Claims: spine.Claims{Exchange: exchange, Attempt: uuid.NewString()}, Body: body})
		if err != nil {
			return whole, err
		}
		var one AuditAnswer
		if err := json.Unmarshal(m.Body, &one); err != nil {
			return whole, errors.New("audit: an answer that cannot be read")
		}
		one.Found = append(whole.Found, one.Found...)
		one.Foreign += whole.Foreign
		one.Damage = cmp.Or(whole.Damage, one.Damage)
		whole = one
		if q.File++; q.File >= one.Files {
			return whole, nil
		}
	}
}

// here lists the instances that are there and those that should be.
func here(ctx context.Context, g AuditGather, subjects Subjects) ([]string, error) {
	inbox := g.NATS.NewRespInbox()
	sub, err := g.NATS.SubscribeSync(inbox)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection may be gone
	if err := g.NATS.PublishRequest(subjects.Audit(), inbox, nil); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	waiting, cancel := context.WithTimeout(ctx, cmp.Or(g.Wait, 2*time.Second))
	defer cancel()
	names := slices.Clone(g.Expect)
	for {
		m, err := sub.NextMsgWithContext(waiting)
		if err != nil { // the time is over, or nobody listens
			break
		}
		var one auditHere
		if json.Unmarshal(m.Data, &one) == nil && token.MatchString(one.Instance) {
			names = append(names, one.Instance)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), ctx.Err()
}
