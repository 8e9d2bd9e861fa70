package bridge

import (
	"strings"

	"github.com/kelseyhightower/envconfig"

	"github.com/linkspan/linkspan/pairs"
)

// Setting is one variable of the configuration, as Usage tells of it.
type Setting struct {
	Name     string
	System   string // the system it belongs to; empty for those of the link
	Meaning  string
	Default  string // what holds where it is not set; empty where that is nothing, or the meaning says it
	Required bool
}

// Settings are all settings in the order of Usage, those of a system once for
// each system.
func Settings() ([]Setting, error) {
	all, err := settingsOf("", prefix, &Config{})
	if err != nil {
		return nil, err
	}
	for _, s := range pairs.Systems() {
		side, err := settingsOf(s.Name, prefix+"_"+strings.ToUpper(s.Name), &SideConfig{})
		if err != nil {
			return nil, err
		}
		all = append(all, side...)
	}
	return all, nil
}

func settingsOf(system, prefix string, spec any) ([]Setting, error) {
	const line = "{{range .}}{{usage_key .}}\t{{usage_description .}}\t{{usage_default .}}\t{{usage_required .}}\n{{end}}"
	var text strings.Builder
	if err := envconfig.Usagef(prefix, spec, &text, line); err != nil {
		return nil, err
	}
	var all []Setting
	for line := range strings.Lines(text.String()) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		all = append(all, Setting{Name: cells[0], System: system, Meaning: cells[1], Default: cells[2], Required: cells[3] == "true"})
	}
	return all, nil
}
