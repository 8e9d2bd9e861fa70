package bridge

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/linkspan/linkspan/bridge/wire"
)

// checkWire are the faults in how one system's interface is looked after.
func (s SideConfig) checkWire(name string) []error {
	var faults []error
	fault := func(format string, a ...any) { faults = append(faults, fmt.Errorf("LINKSPAN_"+name+"_"+format, a...)) }
	if s.Probe < 0 {
		fault("PROBE: want 0 or more")
	}
	if s.Slow < 0 {
		fault("SLOW: want 0 or more")
	}
	if s.Queue < 1 {
		fault("QUEUE: want 1 or more")
	}
	if s.Retries < 0 {
		fault("RETRIES: want 0 or more")
	}
	if _, err := breaker(s.Breaker); err != nil {
		fault("BREAKER: %w", err)
	}
	return faults
}

// breaker reads FAILURES/TIME; off and "" are none.
func breaker(setting string) (wire.Breaker, error) {
	if setting == "" || setting == "off" {
		return wire.Breaker{}, nil
	}
	failures, after, _ := strings.Cut(setting, "/")
	n, wrong := strconv.Atoi(failures)
	d, bad := time.ParseDuration(after)
	if wrong != nil || bad != nil || n < 1 || d <= 0 {
		return wire.Breaker{}, errors.New("want FAILURES/TIME, such as 5/10s, or off")
	}
	return wire.Breaker{Failures: n, Time: d}, nil
}

// retries are those of each system's reads.
func (c *Config) retries() map[string]int {
	retries := map[string]int{}
	for name, side := range c.Sides {
		retries[name] = side.Retries
	}
	return retries
}
