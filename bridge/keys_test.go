package bridge_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/pairs"
)

// TestASettingFromAFile takes the text of a long setting from a file, and says
// of a file with faults what each is.
func TestASettingFromAFile(t *testing.T) {
	text, err := os.ReadFile("../pairs/mig/profile.txt")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "profile.txt")
	open := func(text string) error {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		options, err := bridge.CodecOptions(pairs.EMISWebMIG(), map[string]string{"mig.profile-file": file})
		require.NoError(t, err)
		require.Equal(t, text, options["mig"].Settings["profile"])
		_, err = pairs.Open(pairs.EMISWebMIG(), options)
		return err
	}
	require.NoError(t, open(string(text)))
	err = open(strings.Replace(strings.Replace(string(text), "= GIVEN", "=", 1), "= nhsNumber", "= nhs number", 1))
	require.ErrorContains(t, err, "consent.given has no value")
	require.ErrorContains(t, err, "patient.number: not a local XML name")
	_, err = bridge.CodecOptions(pairs.EMISWebMIG(), map[string]string{"mig.profile-file": file + ".not"})
	require.Error(t, err)
	_, err = bridge.CodecOptions(pairs.EMISWebMIG(), map[string]string{"mig.profile-file": file, "mig.profile": "x"})
	require.ErrorContains(t, err, "both given")
}
