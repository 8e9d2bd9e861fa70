package bridge

// Subjects names every NATS subject of one health economy's link. None ever
// holds an identifier of a patient or a person.
type Subjects struct{ economy string }

// NewSubjects makes the subjects of an economy, whose name is one NATS token.
func NewSubjects(economy string) Subjects { return Subjects{economy: economy} }

func (s Subjects) root() string { return "linkspan." + s.economy + "." }

// Exchange is where the edge of the asking system sends a request: sealed,
// with claims; served by the exchange role in a queue group.
func (s Subjects) Exchange(consumer string) string { return s.root() + "exchange." + consumer }

// Read is where the exchange role asks the edge of the system that holds the
// record: sealed, with claims; one subject for each organisation, so that the
// edge that owns the organisation's endpoint answers.
func (s Subjects) Read(holder, ods string) string { return s.root() + holder + ".read." + ods }

// Native takes a system's native request as it is, without envelope, from an
// application on the same side, and answers in the same form.
func (s Subjects) Native(system string) string { return s.root() + system + ".native" }

// Event carries operational events: event.<kind>.
func (s Subjects) Event(kind string) string { return s.root() + "event." + kind }

// Tables is where every instance of the exchange role answers which map set it
// uses and since when; one request, as many answers as there are instances.
func (s Subjects) Tables() string { return s.root() + "tables" }

// Audit is where every instance of the exchange role says that it keeps an audit
// log: one question, as many answers as there are instances.
func (s Subjects) Audit() string { return s.root() + "audit" }

// AuditOf is where one instance answers questions about its audit log, sealed.
func (s Subjects) AuditOf(instance string) string { return s.root() + "audit." + instance }

// Heartbeat is published by every instance under one of its roles: every ten
// seconds, at once where something changed or a new instance is heard, and a last
// time when it stops. The role is in the subject so that accounts of their own
// can hear each other: NATS takes no stream of the same subject in both
// directions.
func (s Subjects) Heartbeat(role string) string { return s.root() + "heartbeat." + role }

// Health is where any one instance answers how the whole link does.
func (s Subjects) Health() string { return s.root() + "health" }

// Status is where every instance answers how it does itself; one question, as
// many answers as there are instances.
func (s Subjects) Status() string { return s.root() + "status" }

// Metrics is where every instance answers its metrics as Prometheus text.
func (s Subjects) Metrics() string { return s.root() + "metrics" }

// Control is where one instance takes a request of operations to do something:
// drain, pause, resume, reload or rollback.
func (s Subjects) Control(instance, verb string) string {
	return s.root() + "control." + instance + "." + verb
}
