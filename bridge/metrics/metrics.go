// Package metrics is what Prometheus reads of one instance, and what the metrics
// subject answers. Everything but the times of the hops is taken from the
// instance's own report at the moment it is asked for, so that metrics and
// heartbeat cannot differ. No label holds anything of a message: a code that no
// row decides is counted by its scheme alone, since a label for each code would
// grow without end.
package metrics

import (
	"bytes"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"

	"github.com/linkspan/linkspan/bridge/status"
)

// Metrics are those of one instance.
type Metrics struct {
	registry *prometheus.Registry
	hops     *prometheus.HistogramVec
	waits    *prometheus.HistogramVec
	unmapped *prometheus.CounterVec
	warnings *prometheus.CounterVec
}

// New makes the metrics of the instance whose report is given, which is asked for
// at every reading.
func New(economy, pair, instance, version string, report func() status.Report) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(),
		hops: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "linkspan_hop_seconds", Buckets: status.Bounds(),
			Help: "How long a part of an exchange took: exchange (the whole), holder, own-copy, translate, audit (written and synced)."}, []string{"hop"}),
		waits: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "linkspan_throttle_wait_seconds", Buckets: status.Bounds(),
			Help: "How long messages waited for the rate limit of a system's interface."}, []string{"system"}),
		unmapped: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "linkspan_unmapped_entries_total",
			Help: "Entries whose code no row of a table carried, by the code's scheme."}, []string{"from", "scheme"}),
		warnings: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "linkspan_record_warnings_total",
			Help: "Released records with a warning at their head, by the warning's code."}, []string{"from", "code"}),
	}
	own := prometheus.WrapRegistererWith(prometheus.Labels{"economy": economy, "pair": pair, "instance_name": instance}, m.registry)
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "linkspan_build_info", Help: "1, with the version.", ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	own.MustRegister(m.hops, m.waits, m.unmapped, m.warnings, build, reporter{report})
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, hop := range status.Hops() { // each is there from the start
		m.hops.WithLabelValues(hop)
	}
	return m
}

// Exchange takes what the report does not keep of one that has ended.
func (m *Metrics) Exchange(x status.Exchange) {
	for hop, took := range x.Hops {
		m.hops.WithLabelValues(hop).Observe(took.Seconds())
	}
	for _, u := range x.Unmapped {
		m.unmapped.WithLabelValues(x.From, u.Scheme).Add(float64(u.Count))
	}
	for code, n := range x.Warnings {
		m.warnings.WithLabelValues(x.From, code).Add(float64(n))
	}
}

// Waited takes how long a message waited for a system's rate limit.
func (m *Metrics) Waited(system string, d time.Duration) {
	m.waits.WithLabelValues(system).Observe(d.Seconds())
}

// Handler answers Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// Text is what Handler answers, in Prometheus's text format.
func (m *Metrics) Text() []byte {
	families, _ := m.registry.Gather() // what could not be collected is left out, as promhttp does
	var b bytes.Buffer
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&b, family); err != nil {
			continue // a buffer takes everything
		}
	}
	return b.Bytes()
}
