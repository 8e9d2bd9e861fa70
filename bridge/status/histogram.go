package status

import "time"

// Bounds are the upper bounds of the buckets a hop's times are counted in, in
// seconds; the metrics use the same.
func Bounds() []float64 {
	return []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
}

var bounds = Bounds()

type histogram struct {
	counts [19]uint64 // by bucket; the last has no bound
	count  uint64
}

func (h *histogram) hop(name string) Hop {
	return Hop{Name: name, Count: h.count, P50: h.quantile(0.5), P95: h.quantile(0.95), P99: h.quantile(0.99), Buckets: h.counts[:]}
}

func (h *histogram) add(d time.Duration) {
	i, s := 0, d.Seconds()
	for i < len(bounds) && s > bounds[i] {
		i++
	}
	h.counts[i]++
	h.count++
}

func (h *histogram) merge(buckets []uint64) {
	for i, n := range buckets[:min(len(buckets), len(h.counts))] {
		h.counts[i] += n
		h.count += n
	}
}

// quantile is an estimate: within its bucket times are taken as spread evenly,
// and what is above the last bound is said as that bound.
func (h *histogram) quantile(q float64) float64 {
	rank, below, seen := q*float64(h.count), 0.0, 0.0
	for i, bound := range bounds {
		n := float64(h.counts[i])
		if n > 0 && seen+n >= rank {
			return below + (bound-below)*(rank-seen)/n
		}
		seen += n
		below = bound
	}
	return below
}
