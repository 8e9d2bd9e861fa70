package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/status"
)

type checkCommand struct {
	envFile
	JSON bool `help:"Print the findings as JSON."`
}

// Help says what is looked at.
func (checkCommand) Help() string {
	return "Before going live, and after any change: looks at the configuration, the files it names, certificates and pins, the agreement, " +
		"the tables, both systems' interfaces, the addresses, NATS and what this instance may do there, the data folder and its disk, " +
		"the audit log and the clock. Where the roles are apart it waits up to 11 seconds for a heartbeat of each. It serves nothing, changes nothing and asks for no record. Exit code 1 where there is a fault. " +
		"docs/check.md says more."
}

// Run prints a line for each finding.
func (c checkCommand) Run(ctx context.Context, to streams) error {
	if err := c.set(); err != nil {
		return usageError{err}
	}
	config, unread := bridge.ReadConfig()
	findings := bridge.Check(ctx, config, unread, bridge.CheckOptions{Now: time.Now, Hear: status.Beat + time.Second})
	faults := 0
	for _, f := range findings {
		if f.Grade == bridge.CheckFault {
			faults++
		}
	}
	if c.JSON {
		lines := json.NewEncoder(to.out)
		lines.SetIndent("", "  ")
		if err := lines.Encode(findings); err != nil {
			return err
		}
	} else {
		for _, f := range findings {
			says := strings.ReplaceAll(f.Says, "\n", " ")
			fmt.Fprintf(to.out, "%-8s %-20s %s\n", f.Grade, f.What, says)
			if f.Remedy != "" {
				fmt.Fprintf(to.out, "%-8s %-20s -> %s\n", "", "", f.Remedy)
			}
		}
	}
	if faults > 0 {
		return errRefused
	}
	return nil
}
