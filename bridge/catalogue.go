package bridge

import (
	"regexp"
	"strings"
)

// Account says what the operations account (OPS) may do on a subject. The link's
// own account (LINK) may do everything; SYS has nothing of this.
type Account string

// What OPS may do.
const (
	OperationsNone Account = ""     // nothing: it never sees the subject
	OperationsHear Account = "hear" // subscribe
	OperationsAsk  Account = "ask"  // publish a question and get its answers
)

// The forms of a message.
const (
	FormJSON   = "json"   // one JSON object, as the example's type writes it
	FormEmpty  = "empty"  // nothing; whatever is sent is not looked at
	FormSealed = "sealed" // claims in the header Linkspan-Claims, as the example's type writes them; the body is encrypted
	FormNative = "native" // a message of the system, as it stands on its wire
	FormText   = "text"   // Prometheus text exposition format
	FormOther  = "other"  // of NATS itself, see its documentation
)

// Payload is what a message holds. Example is a value of the Go type that is
// written and read; nil where the form has none.
type Payload struct {
	Form    string
	Example any
}

// Subject is one row of the catalogue: everything that is published on NATS by
// or for a link stands in one, private reply inboxes aside.
type Subject struct {
	// Pattern has a word in angle brackets for each part that differs. A ">" at
	// the end stands for one part or more.
	Pattern string
	Means   string // one sentence
	// Publisher and Reader say who sends and who takes it, by role.
	Publisher, Reader string
	Operations        Account
	Payload           Payload
	Answer            *Payload // nil where there is no answer
	Answers           string   // how many, where there is one
	Rate              string
	Retention         string
}

var placeholder = regexp.MustCompile(`<[a-z]+>`)

// Wildcard is the pattern as NATS subscribes to it. A part of which only a piece
// differs becomes a wildcard whole.
func (s Subject) Wildcard() string {
	parts := strings.Split(s.Pattern, ".")
	for i, part := range parts {
		if placeholder.MatchString(part) {
			parts[i] = "*"
		}
	}
	return strings.Join(parts, ".")
}

// Event is the kind of an event's row, false for every other.
func (s Subject) Event() (kind string, ok bool) {
	return strings.CutPrefix(s.Pattern, "linkspan.<economy>.event.")
}

// Matches reports that a subject is of this row. What stands for a placeholder
// is letters, digits, - and _.
func (s Subject) Matches(subject string) bool {
	return regexp.MustCompile(s.expression()).MatchString(subject)
}

func (s Subject) expression() string {
	pattern, open := strings.CutSuffix(s.Pattern, ".>")
	var b strings.Builder
	b.WriteString("^")
	for i, literal := range placeholder.Split(pattern, -1) {
		if i > 0 {
			b.WriteString("[A-Za-z0-9_-]+")
		}
		b.WriteString(regexp.QuoteMeta(literal))
	}
	if open {
		b.WriteString(`\..+`)
	}
	return b.String() + "$"
}

// Retentions.
const (
	keptNowhere = "none: whoever wants it subscribes"
	keptAnswer  = "none: question and answer"
	keptStore   = "in the servers' JetStream, on disk"
)

// Catalogue is every subject of a link.
func Catalogue() []Subject {
	return append(append(append(recordSubjects(), operationSubjects()...), eventSubjects()...), serverSubjects()...)
}

// recordSubjects carry requests and records, and what privacy officers ask. OPS
// sees none of them.
func recordSubjects() []Subject {
	claims := Payload{Form: FormSealed, Example: exampleClaims()}
	native := Payload{Form: FormNative}
	return []Subject{
		{Pattern: "linkspan.<economy>.<system>.native", Publisher: "an application on the system's own side", Reader: "one edge of the system",
			Payload: native, Answer: &native, Answers: "one, in pieces where it is longer than a message may be",
			Rate: "each request of such an application", Retention: keptAnswer,
			Means: "A system's native request as it stands, answered in the same form."},
		{Pattern: "linkspan.<economy>.exchange.<system>", Publisher: "the edge of the system that asks", Reader: "one instance of the exchange role",
			Payload: claims, Answer: &claims, Answers: "one, in pieces where it is longer than a message may be",
			Rate: "each request, LINKSPAN_SLOTS at once", Retention: keptAnswer,
			Means: "A request with the claims of who asks; the answer is the native answer for the asker."},
		{Pattern: "linkspan.<economy>.<system>.read.<organisation>", Publisher: "the exchange role; the asker's own edge, to look up a user", Reader: "the edge that owns the organisation's endpoint",
			Payload: claims, Answer: &claims, Answers: "one, in pieces where it is longer than a message may be",
			Rate: "one to three for each exchange, within the system's rate limit", Retention: keptAnswer,
			Means: "A native question for the system's own interface, and what it answered."},
		{Pattern: "linkspan.<economy>.audit", Publisher: "linkspan audit", Reader: "every instance of the exchange role",
			Payload: Payload{Form: FormEmpty}, Answer: &Payload{Form: FormJSON, Example: auditHere{Instance: "bridge-a"}}, Answers: "one of each instance",
			Rate: "on demand", Retention: keptAnswer,
			Means: "Which instances keep an audit log."},
		{Pattern: "linkspan.<economy>.audit.<instance>", Publisher: "linkspan audit, with the link's key", Reader: "that instance",
			Payload: claims, Answer: &claims, Answers: "one",
			Rate: "on demand", Retention: "the question is a record of the audit log",
			Means: "A privacy officer's question about one instance's audit log, and what it holds."},
	}
}

// operationSubjects say how the link does, and change it.
func operationSubjects() []Subject {
	return []Subject{
		{Pattern: "linkspan.<economy>.heartbeat.<role>", Publisher: "every instance", Reader: "every instance; operations", Operations: OperationsHear,
			Payload: Payload{Form: FormJSON, Example: exampleReport()},
			Rate:    "every 10 s, at once on a change and for each instance newly heard; a last one with draining and status down when the instance stops", Retention: keptNowhere,
			Means: "How one instance does, under its role: exchange where it has that one. Without one for 15 s it is late, for 30 s offline."},
		{Pattern: "linkspan.<economy>.health", Publisher: "operations", Reader: "any one instance", Operations: OperationsAsk,
			Payload: Payload{Form: FormEmpty}, Answer: &Payload{Form: FormJSON, Example: exampleHealth()}, Answers: "one",
			Rate: "on demand", Retention: keptAnswer,
			Means: `How the whole link does; the text holds "status":"ok" exactly where it is.`},
		{Pattern: "linkspan.<economy>.status", Publisher: "operations", Reader: "every instance", Operations: OperationsAsk,
			Payload: Payload{Form: FormEmpty}, Answer: &Payload{Form: FormJSON, Example: exampleReport()}, Answers: "one of each instance",
			Rate: "on demand", Retention: keptAnswer,
			Means: "How every instance does now, as in its heartbeat."},
		{Pattern: "linkspan.<economy>.metrics", Publisher: "operations", Reader: "every instance", Operations: OperationsAsk,
			Payload: Payload{Form: FormEmpty}, Answer: &Payload{Form: FormText}, Answers: "one of each instance",
			Rate: "on demand", Retention: keptAnswer,
			Means: "The metrics of every instance, as Prometheus scrapes them."},
		{Pattern: "linkspan.<economy>.tables", Publisher: "operations; linkspan tables", Reader: "every instance of the exchange role", Operations: OperationsAsk,
			Payload: Payload{Form: FormEmpty}, Answer: &Payload{Form: FormJSON, Example: exampleTablesInUse()}, Answers: "one of each instance",
			Rate: "on demand", Retention: keptAnswer,
			Means: "Which map set every instance uses, and since when."},
		{Pattern: "linkspan.<economy>.control.<instance>.<verb>", Publisher: "operations; linkspan control", Reader: "that instance", Operations: OperationsAsk,
			Payload: Payload{Form: FormJSON, Example: exampleControl()}, Answer: &Payload{Form: FormJSON, Example: exampleControlAnswer()}, Answers: "one",
			Rate: "on demand", Retention: "the question is a record of the audit log",
			Means: "Has one instance drain, pause, resume, reload or roll back; a refusal has the error headers of ADR-32 and no body."},
	}
}

// eventSubjects tell of what happened, one kind each.
func eventSubjects() []Subject {
	var rows []Subject
	for _, e := range []struct{ kind, publisher, rate, means string }{
		{"exchange", "the exchange role", "one at the end of each exchange", "An exchange has ended, released or refused."},
		{"breakglass", "the exchange role", "one at once for each", "A consent that could not be had was overridden; what the user wrote is sealed in the audit log."},
		{"access", "an edge", "one within an hour for each user and kind; one for each message that came again", "A user or organisation asks more than expected, is over a limit, looks up too many who are not found, or sent a message a second time."},
		{"audit", "the exchange role", "a checkpoint after 1,000 records or a minute; trouble once for each", "A signed checkpoint of the audit log, or trouble with it: a full disk, a failed write, a proof that failed."},
		{"agreement", "every instance", "one for each change of the files", "A change of the agreement or its excluded codes is in force, or is not taken because of a fault."},
		{"certificates", "every instance", "one for each change of the files; 30, 14, 7 and 1 days before an end, and at it", "Certificate files were read again or kept because of a fault, or something ends."},
		{"clock", "the exchange role", "one for each", "A request was dated more than 300 s back or 60 s ahead, or this machine's clock was set by 2 s or more."},
		{"tables", "the exchange role", "one for each change", "A map set is in use, was refused, or drafts in the folder changed."},
		{"unmapped", "the exchange role", "one for the first sighting of a code, 100 a minute at most", "A code that no row decides was met for the first time."},
		{"wire", "an edge", "one for each change", "A system's own interface answers, does not, is slow, its circuit breaker moved, or messages wait for its rate limit."},
		{"overload", "an edge; the exchange role", "one a minute for each place at most", "Requests were answered busy because there was no room."},
		{"control", "the instance that was asked", "one for each control request", "A control request was carried out or refused."},
	} {
		rows = append(rows, Subject{Pattern: "linkspan.<economy>.event." + e.kind, Publisher: e.publisher, Reader: "every instance; operations",
			Operations: OperationsHear, Payload: Payload{Form: FormJSON, Example: exampleEvent(e.kind)}, Rate: e.rate, Retention: keptNowhere, Means: e.means})
	}
	return rows
}

// serverSubjects are those of micro services (ADR-32) and of JetStream.
func serverSubjects() []Subject {
	var rows []Subject
	for _, verb := range []struct {
		name, means string
		answer      any
	}{
		{"PING", "Who is there", examplePing()},
		{"INFO", "What a service is and which subjects it answers", exampleInfo()},
		{"STATS", "What a service has counted", exampleStats()},
	} {
		for _, of := range []struct{ suffix, whom string }{{"", "asked of all services."}, {".<service>", "asked of the services of that name."}, {".<service>.<id>", "asked of that one service."}} {
			rows = append(rows, Subject{Pattern: "$SRV." + verb.name + of.suffix, Publisher: "operations", Reader: "every service of every instance", Operations: OperationsAsk,
				Payload: Payload{Form: FormEmpty}, Answer: &Payload{Form: FormJSON, Example: verb.answer}, Answers: "one of each service asked",
				Rate: "on demand, as nats micro does", Retention: keptAnswer, Means: verb.means + ", " + of.whom})
		}
	}
	other := Payload{Form: FormOther}
	return append(rows,
		Subject{Pattern: "$JS.API.>", Publisher: "the exchange role; linkspan tables push", Reader: "the NATS servers", Payload: other, Answer: &other, Answers: "one",
			Rate: "some at a start, then one or two every 30 s; only with LINKSPAN_TABLES_FROM=nats", Retention: keptAnswer,
			Means: "Questions to JetStream about the map sets that are kept there."},
		Subject{Pattern: "$KV.linkspan-<economy>-mapset.<pair>", Publisher: "linkspan tables push", Reader: "JetStream", Payload: other,
			Rate: "one for each push", Retention: keptStore + ", the last 16",
			Means: "Which map set is to be in use."},
		Subject{Pattern: "$O.linkspan-<economy>-tables.>", Publisher: "linkspan tables push", Reader: "JetStream", Payload: other,
			Rate: "one for each piece of 128 KiB of a pushed set", Retention: keptStore + ", as long as a kept pointer names the set",
			Means: "The map sets themselves."},
		Subject{Pattern: "$JS.EVENT.ADVISORY.>", Publisher: "the NATS servers", Reader: "nobody here", Payload: other,
			Rate: "as JetStream is asked; only with LINKSPAN_TABLES_FROM=nats", Retention: keptNowhere,
			Means: "What JetStream tells of its own work."},
	)
}
