package bridge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs/system"
)

// TestThrottlesAreSettable reads the three forms a site may set a throttle in.
func TestThrottlesAreSettable(t *testing.T) {
	documented := []system.Throttle{{Name: "request", Events: 1, Per: time.Second}, {Name: "record", Events: 1, Per: 30 * time.Second}}
	on, err := throttles(documented, "on")
	require.NoError(t, err)
	require.Equal(t, documented, on)
	off, err := throttles(documented, "off")
	require.NoError(t, err)
	require.Empty(t, off)
	set, err := throttles(documented, "record=2/10s")
	require.NoError(t, err)
	require.Equal(t, 2, set[1].Events)
	require.Equal(t, 10*time.Second, set[1].Per)
	require.Equal(t, 1, documented[1].Events, "what is documented stays")
	for _, wrong := range []string{"", "fast", "record=0/1s", "record=1", "record=1/never", "reply=1/1s"} {
		_, err := throttles(documented, wrong)
		require.Error(t, err, wrong)
	}
}

// TestConfigurationNamesEveryFault reports all faults at once, unknown
// variables among them.
func TestConfigurationNamesEveryFault(t *testing.T) {
	for name, value := range map[string]string{"LINKSPAN_PAIR": "emisweb-systmone", "LINKSPAN_ENVIRONMENT": "trial", "LINKSPAN_DEADLNE": "3s",
		"LINKSPAN_XML_DEPTH": "deep", "LINKSPAN_SYSTMONE_THROTTLE": "fast", "LINKSPAN_INSTANCE": "one box",
		"LINKSPAN_TABLES_FROM": "nats", "LINKSPAN_TABLE_SETS": "0"} {
		t.Setenv(name, value)
	}
	t.Setenv("NATS_URL", "nats://elsewhere.invalid")
	c, err := ReadConfig()
	require.Error(t, err)
	require.Empty(t, c.NATS.URL, "a variable without our prefix is not ours")
	for _, name := range []string{"LINKSPAN_ECONOMY", "LINKSPAN_ENVIRONMENT", "LINKSPAN_DEADLNE", "LINKSPAN_XML_DEPTH", "LINKSPAN_SYSTMONE_THROTTLE",
		"LINKSPAN_SYSTMONE_ADDRESS", "LINKSPAN_EMISWEB_ADDRESS", "LINKSPAN_AGREEMENT", "LINKSPAN_DATA", "LINKSPAN_INSTANCE",
		"LINKSPAN_TABLES_FROM: nats wants LINKSPAN_NATS_URL", "LINKSPAN_TABLE_SETS"} {
		require.Contains(t, err.Error(), name)
	}
}

// TestPlaintextOfNothingIsNoFault takes one configuration for all roles: where a
// process has no listener, there is no plain text.
func TestPlaintextOfNothingIsNoFault(t *testing.T) {
	side := SideConfig{Address: "127.0.0.1:1", Plaintext: []string{plaintextListen, plaintextAddress}}
	require.Empty(t, side.check("SYSTMONE", EnvironmentLive))
	side.Listen = "192.0.2.1:1"
	require.Len(t, side.check("SYSTMONE", EnvironmentLive), 1)
}

// TestUsageListsEverySetting prints a line for every variable ReadConfig knows.
func TestUsageListsEverySetting(t *testing.T) {
	var b strings.Builder
	require.NoError(t, Usage(&b))
	for name := range knownVariables(&Config{}, prefix) {
		require.Contains(t, b.String(), name)
	}
	require.Contains(t, b.String(), "LINKSPAN_XML_TEXT_BYTES")
	for name := range knownVariables(&SideConfig{}, "LINKSPAN_<SYSTEM>") {
		require.Contains(t, b.String(), name)
	}
	require.Contains(t, b.String(), "EMISWEB or SYSTMONE")
	for line := range strings.Lines(b.String()) {
		require.LessOrEqual(t, len(line), 100, line)
	}
}

// TestConfiguredPatientKeyIsNeverMade refuses a patient key that is configured
// and not there: another would part a patient's accesses in two.
func TestConfiguredPatientKeyIsNeverMade(t *testing.T) {
	dir := t.TempDir()
	_, err := patientKey(filepath.Join(dir, "gone.key"), dir)
	require.ErrorIs(t, err, os.ErrNotExist)
	made, err := patientKey("", dir)
	require.NoError(t, err)
	again, err := patientKey("", dir)
	require.NoError(t, err)
	require.Equal(t, made, again)
}
