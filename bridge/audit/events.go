package audit

// The events. Each is one record; nothing but these is written by the product.
const (
	// EventAsked: a request was read, decided on, and may go to the holder.
	EventAsked = "asked"
	// EventAnswered: a record is about to be released.
	EventAnswered = "answered"
	// EventRefused: the asker is about to be told no. Reason is what it is told,
	// Cause why.
	EventRefused = "refused"
	// EventBreakGlass: consent was overridden. It stands beside the records of
	// the exchange, so that the daily list misses none.
	EventBreakGlass = "break-glass"
	// EventStarted and EventStopped: the exchange role of the instance. What lies
	// between a start and the start before it without a stop ended in a crash.
	EventStarted = "started"
	EventStopped = "stopped"
	// EventConfig: an agreement or a setting came into force; Config is its digest.
	EventConfig = "config"
	// EventTables: a map set came into force or was refused; MapSet is its digest.
	EventTables = "tables"
	// EventClockJump: the clock was moved; Cause says by how much.
	EventClockJump = "clock-jump"
	// EventVerifyFailed: the log did not verify; Cause says where.
	EventVerifyFailed = "verify-failed"
	// EventRepaired: an incomplete last line was set aside.
	EventRepaired = "repaired"
	// EventReported: a privacy officer was shown what the log holds of a patient,
	// or the list of overridden consents. User is who it was.
	EventReported = "reported"
	// EventExported: a part of the log was written to a file; Cause says which.
	EventExported = "exported"
	// EventControl: operations asked something of the instance, and it is about to
	// be done. Cause says what and why, User who asked, by their own word.
	EventControl = "control"
	// EventDeleted: a closed segment was deleted; Deleted says which.
	EventDeleted = "deleted"
)
