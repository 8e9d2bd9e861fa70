package status

import "time"

// HealthForm names the shape of a Health.
const HealthForm = "linkspan health 1"

// Health is the link in one answer, for probes: a Link without the reports of the
// instances. Its own "status" is the only one in it, so that a probe which looks
// for "status":"ok" in the text cannot take the word of one good instance for
// that of the link.
type Health struct {
	Form        string           `json:"form"` // HealthForm
	Economy     string           `json:"economy"`
	Pair        string           `json:"pair"`
	Environment string           `json:"environment"`
	At          time.Time        `json:"at"`
	Level       Level            `json:"status"`        // ok, degraded or down
	Why         []string         `json:"why,omitempty"` // what makes it less than ok
	Systems     []SystemHealth   `json:"systems"`
	Instances   []InstanceHealth `json:"instances"`
}

// SystemHealth is one system's interface, as the edge that knows best sees it.
type SystemHealth struct {
	Name    string    `json:"name"`
	Wire    WireState `json:"wire"`
	Since   time.Time `json:"since,omitzero"`
	Reason  string    `json:"reason,omitempty"` // of the last failure, while the wire is not up
	Breaker string    `json:"breaker,omitempty"`
}

// InstanceHealth is one instance: whether it is there and what it says of itself.
type InstanceHealth struct {
	Instance string    `json:"instance"`
	Roles    []string  `json:"roles"`
	Presence Presence  `json:"presence"`
	Heard    time.Time `json:"heard"` // the last of it
	Level    Level     `json:"level"` // its own
}

// Health is what a probe is answered.
func (l Link) Health() Health {
	h := Health{Form: HealthForm, Economy: l.Economy, Pair: l.Pair, Environment: l.Environment, At: l.At, Level: l.Level, Why: l.Why,
		Systems: []SystemHealth{}, Instances: []InstanceHealth{}}
	for _, s := range l.Systems {
		h.Systems = append(h.Systems, SystemHealth{Name: s.Name, Wire: s.Wire, Since: s.Since, Reason: s.Reason, Breaker: s.Breaker})
	}
	for _, s := range l.Instances {
		h.Instances = append(h.Instances, InstanceHealth{Instance: s.Report.Instance, Roles: s.Report.Roles, Presence: s.Presence, Heard: s.Heard.UTC(), Level: s.Report.Level})
	}
	return h
}
