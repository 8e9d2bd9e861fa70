package metrics

import (
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linkspan/linkspan/bridge/status"
)

// reporter makes metrics of a report.
type reporter struct{ report func() status.Report }

// series is one metric that is read from the report.
type series struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func gauge(name, help string, labels ...string) series {
	return series{prometheus.NewDesc("linkspan_"+name, help, labels, nil), prometheus.GaugeValue}
}

func counter(name, help string, labels ...string) series {
	return series{prometheus.NewDesc("linkspan_"+name+"_total", help, labels, nil), prometheus.CounterValue}
}

// All that is read from the report.
var (
	level        = gauge("level", "1 for the level the instance is at: ok, degraded or down.", "level")
	draining     = gauge("draining", "1 while the instance takes no new request and will stop.")
	paused       = gauge("paused", "1 for each direction that operations have paused, by the system that asks.", "from")
	exchanges    = counter("exchanges", "Exchanges that have ended, by outcome: released, or the reason of the refusal.", "from", "to", "outcome")
	inFlight     = gauge("exchanges_in_flight", "Exchanges under way.")
	lastReleased = gauge("last_released_timestamp_seconds", "When a record was last released.", "from")
	entries      = counter("entries", "Entries of released records, by outcome.", "from", "outcome")
	degraded     = counter("degraded_entries", "Entries of released records that crossed in their words, by section.", "from", "section")
	wireState    = gauge("wire_state", "1 for the state a system's interface is in: unknown, up, slow or down.", "system", "state")
	lastAnswer   = gauge("wire_last_answer_timestamp_seconds", "When a system's interface last answered.", "system")
	breaker      = gauge("breaker_state", "1 for the state of a system's circuit breaker: closed, half-open or open.", "system", "state")
	wireInFlight = gauge("wire_in_flight", "Messages at a system's interface.", "system")
	waiting      = gauge("wire_waiting", "Messages that wait for their turn at a system's interface.", "system")
	intakeNow    = gauge("intake_in_flight", "Requests of a system that its edge is working on.", "system")
	taken        = counter("intake_taken", "Requests of a system that its edge took.", "system")
	turnedAway   = counter("intake_refused", "Requests of a system that its edge refused without the exchange role, by reason.", "system", "reason")
	records      = counter("audit_records", "Records in the audit log.")
	trouble      = gauge("audit_trouble", "1 while the audit log cannot be written: everything is refused.")
	checkpoint   = gauge("audit_checkpoint_timestamp_seconds", "When the last checkpoint of the audit log was signed.")
	verified     = gauge("audit_verified_timestamp_seconds", "When the audit log on the disk was last proven.")
	freeBytes    = gauge("audit_free_bytes", "What is free on the disk of the audit log.")
	tableSet     = gauge("table_set_info", "1, with the digest of the map set in use and the day whose rows are in force.", "digest", "day")
	tables       = gauge("tables", "Tables in the map set in use.")
	signed       = gauge("tables_signed", "Tables in the map set in use that have every approval they need.")
	since        = gauge("table_set_timestamp_seconds", "Since when the map set is in use here.")
	refused      = gauge("table_set_refused", "1 while a newer map set is refused.")
	certificate  = gauge("certificate_end_timestamp_seconds", "When a certificate or revocation list in use ends.", "use", "what")
	connected    = gauge("nats_connected", "1 while the instance is connected to NATS.")
	reconnects   = counter("nats_reconnects", "Reconnections to NATS.")
	slow         = counter("nats_slow_messages", "Messages from NATS dropped because the instance was too slow.")
	started      = gauge("start_timestamp_seconds", "When the instance started.")
)

// Describe gives none, so that the registry checks each reading as it comes.
func (r reporter) Describe(chan<- *prometheus.Desc) {}

// Collect reads one report.
func (r reporter) Collect(to chan<- prometheus.Metric) {
	put := func(s series, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(s.desc, s.kind, value, labels...)
	}
	when := func(s series, t time.Time, labels ...string) {
		if !t.IsZero() {
			put(s, float64(t.UnixMilli())/1000, labels...)
		}
	}
	one := func(s series, is bool, labels ...string) {
		value := 0.0
		if is {
			value = 1
		}
		put(s, value, labels...)
	}
	report := r.report()
	for _, l := range []status.Level{status.OK, status.Degraded, status.Down} {
		one(level, report.Level == l, string(l))
	}
	when(started, report.Started)
	one(draining, report.Draining)
	for _, from := range report.Paused {
		one(paused, true, from)
	}
	one(connected, report.NATS.Connected)
	put(reconnects, float64(report.NATS.Reconnects))
	put(slow, float64(report.NATS.SlowEvents))
	// Several may end under one name: what counts is the first.
	ends := map[[2]string]time.Time{}
	for _, c := range report.Certificates {
		name := [2]string{c.Use, c.What}
		if first, known := ends[name]; !known || c.Until.Before(first) {
			ends[name] = c.Until
		}
	}
	for name, until := range ends {
		when(certificate, until, name[0], name[1])
	}
	for _, s := range report.Systems {
		for _, state := range []status.WireState{status.WireUnknown, status.WireUp, status.WireSlow, status.WireDown} {
			one(wireState, s.Wire == state, s.Name, string(state))
		}
		for _, state := range []string{"closed", "half-open", "open"} {
			one(breaker, s.Breaker == state, s.Name, state)
		}
		when(lastAnswer, s.Success, s.Name)
		put(wireInFlight, float64(s.InFlight), s.Name)
		put(waiting, float64(s.Waiting), s.Name)
		put(intakeNow, float64(s.Intake.InFlight), s.Name)
		put(taken, float64(s.Intake.Taken), s.Name)
		for reason, n := range s.Intake.Refused {
			put(turnedAway, float64(n), s.Name, reason)
		}
	}
	if x := report.Exchanges; x != nil {
		put(inFlight, float64(x.InFlight))
		for _, d := range x.Directions {
			put(exchanges, float64(d.Released), d.From, d.To, "released")
			when(lastReleased, d.Last, d.From)
			for _, each := range []struct {
				series
				counts map[string]uint64
				labels []string
			}{{exchanges, d.Refused, []string{d.From, d.To}}, {entries, d.Entries, []string{d.From}}, {degraded, d.Degraded, []string{d.From}}} {
				for _, name := range slices.Sorted(maps.Keys(each.counts)) {
					put(each.series, float64(each.counts[name]), append(slices.Clone(each.labels), name)...)
				}
			}
		}
	}
	if a := report.Audit; a != nil {
		put(records, float64(a.Records))
		one(trouble, a.Trouble != "")
		when(checkpoint, a.Checkpoint)
		when(verified, a.Verified)
		if a.FreeBytes > 0 {
			put(freeBytes, float64(a.FreeBytes))
		}
	}
	if t := report.Tables; t != nil {
		one(tableSet, true, t.MapSet, t.Day)
		put(tables, float64(t.Count))
		put(signed, float64(t.Signed))
		when(since, t.Since)
		one(refused, t.Refused != nil)
	}
}
