package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/pairs"
)

// The file of all settings has each that `run --help` tells of, once and in its
// order, those of a system once for each system; its example sets no other.
func TestTheFileHasAllSettings(t *testing.T) {
	var usage, text strings.Builder
	require.NoError(t, bridge.Usage(&usage))
	require.NoError(t, writeSettings(&text))
	var link, side []string
	for line := range strings.Lines(usage.String()) {
		name, _, _ := strings.Cut(line, " ")
		own, ofSystem := strings.CutPrefix(name, "LINKSPAN_<SYSTEM>_")
		switch {
		case ofSystem:
			side = append(side, own)
		case strings.HasPrefix(name, "LINKSPAN_"):
			link = append(link, name)
		}
	}
	require.Greater(t, len(link), 20)
	require.Greater(t, len(side), 10)
	want := slices.Clone(link)
	for _, s := range pairs.Systems() {
		for _, name := range side {
			want = append(want, "LINKSPAN_"+strings.ToUpper(s.Name)+"_"+name)
		}
	}
	var have []string
	for _, m := range regexp.MustCompile(`(?m)^#(LINKSPAN_\w+)=`).FindAllStringSubmatch(text.String(), -1) {
		have = append(have, m[1])
	}
	require.Equal(t, want, have)
	set, err := readEnvFile(text.String())
	require.NoError(t, err)
	require.Empty(t, set, "as it stands the file sets nothing")
	example, err := readEnvFile(regexp.MustCompile(`(?m)^`+exampleMark).ReplaceAllString(text.String(), ""))
	require.NoError(t, err)
	require.Len(t, example, len(exampleSettings))
	for name := range example {
		require.Contains(t, have, name)
	}
}
