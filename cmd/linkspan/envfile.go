package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// envFile is the file of settings of --env-file, in the form that systemd's
// EnvironmentFile has too: NAME=VALUE lines, of which empty ones and those that
// begin with # are passed over. A value may stand in single or double quotes.
// There are no continued lines and nothing in a value is replaced.
type envFile struct {
	EnvFile string `help:"File of settings, NAME=VALUE on each line. A variable of the environment goes before it." placeholder:"FILE"`
}

// set puts the file's settings into this process's environment, where the
// configuration is read from. Every fault is reported at once, by its line and
// never with a value, which may be a key.
func (f envFile) set() error {
	if f.EnvFile == "" {
		return nil
	}
	text, err := os.ReadFile(f.EnvFile)
	if err != nil {
		return fmt.Errorf("--env-file: %w", err)
	}
	settings, err := readEnvFile(string(text))
	if err != nil {
		return fmt.Errorf("--env-file: %s:\n%w", f.EnvFile, err)
	}
	for name, value := range settings {
		if _, there := os.LookupEnv(name); there {
			continue
		}
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("--env-file: %s: %w", name, err)
		}
	}
	return nil
}

// readEnvFile reads the settings of a file. Names are LINKSPAN_ variables only:
// the file configures the daemon, not the process.
func readEnvFile(text string) (map[string]string, error) {
	settings := map[string]string{}
	var faults []error
	n := 0
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		_, twice := settings[name]
		switch {
		case !ok || !strings.HasPrefix(name, "LINKSPAN_"):
			faults = append(faults, fmt.Errorf("line %d: want LINKSPAN_NAME=VALUE", n))
			continue
		case twice:
			faults = append(faults, fmt.Errorf("line %d: %s is there twice", n, name))
			continue
		}
		if value, ok = unquoted(value); !ok {
			faults = append(faults, fmt.Errorf("line %d: %s: the quotes do not match", n, name))
		}
		settings[name] = value
	}
	return settings, errors.Join(faults...)
}

// unquoted takes a pair of quotes away.
func unquoted(s string) (string, bool) {
	if s == "" || s[0] != '"' && s[0] != '\'' {
		return s, true
	}
	if len(s) < 2 || s[len(s)-1] != s[0] || strings.Contains(s[1:len(s)-1], s[:1]) {
		return s, false
	}
	return s[1 : len(s)-1], true
}
