package audit

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func testSealer(t require.TestingT) *Sealer {
	s, err := NewSealer(bytes.Repeat([]byte{7}, 32))
	require.NoError(t, err)
	return s
}

func TestSealedTextsOpenInTheirPlaceOnly(t *testing.T) {
	s := testSealer(t)
	other, err := NewSealer(bytes.Repeat([]byte{8}, 32))
	require.NoError(t, err)
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.String().Draw(rt, "text")
		place := Context{Instance: rapid.String().Draw(rt, "instance"), Exchange: rapid.String().Draw(rt, "exchange"), Field: FieldPatient}
		sealed := s.Seal(text, place)
		opened, err := s.Open(sealed, place)
		require.NoError(rt, err)
		require.Equal(rt, text, opened)
		require.NotEqual(rt, sealed, s.Seal(text, place), "twice the same is never the same")
		_, err = other.Open(sealed, place)
		require.ErrorIs(rt, err, errSealed)
		for _, elsewhere := range []Context{
			{Instance: place.Instance + "x", Exchange: place.Exchange, Field: place.Field}, {Instance: place.Instance, Exchange: "x" + place.Exchange, Field: place.Field},
			{Instance: place.Instance, Exchange: place.Exchange, Field: FieldBreakGlass},
			{Instance: place.Instance + place.Exchange, Field: place.Field}, // not the same when run together
		} {
			if elsewhere != place {
				_, err = s.Open(sealed, elsewhere)
				require.ErrorIs(rt, err, errSealed)
			}
		}
	})
	place := Context{Instance: "one", Exchange: "e", Field: FieldPatient}
	raw, err := base64.StdEncoding.DecodeString(s.Seal("9990000018", place))
	require.NoError(t, err)
	for i := range raw {
		edited := bytes.Clone(raw)
		edited[i] ^= 1
		_, err = s.Open(base64.StdEncoding.EncodeToString(edited), place)
		require.ErrorIs(t, err, errSealed)
		_, err = s.Open(base64.StdEncoding.EncodeToString(raw[:i]), place)
		require.ErrorIs(t, err, errSealed)
	}
	_, err = s.Open("no base64", place)
	require.ErrorIs(t, err, errSealed)
}

func TestEntriesAreSealed(t *testing.T) {
	s := testSealer(t)
	e := Entry{Instance: "one", Exchange: "e"}
	number, err := s.Patient(&e)
	require.NoError(t, err)
	require.Empty(t, number)
	text, err := s.BreakGlass(&e)
	require.NoError(t, err)
	require.Empty(t, text)
	s.SealPatient(&e, "9990000018")
	s.SealBreakGlass(&e, "collapsed in the street")
	require.NotContains(t, fmt.Sprint(e), "9990000018")
	require.NotContains(t, fmt.Sprint(e), "collapsed")
	number, err = s.Patient(&e)
	require.NoError(t, err)
	require.Equal(t, "9990000018", number)
	text, err = s.BreakGlass(&e)
	require.NoError(t, err)
	require.Equal(t, "collapsed in the street", text)
	require.Equal(t, Reference(bytes.Repeat([]byte{7}, 32), "9990000018"), e.PatientRef)
	e.Exchange = "another"
	_, err = s.Patient(&e)
	require.ErrorIs(t, err, errSealed)
	_, err = s.BreakGlass(&e)
	require.ErrorIs(t, err, errSealed)
}

func TestPatientKeys(t *testing.T) {
	for _, wrong := range [][]byte{nil, make([]byte, 31), make([]byte, 33), make([]byte, 32)} {
		_, err := NewSealer(wrong)
		require.Error(t, err)
	}
	s := testSealer(t)
	require.Equal(t, "[redacted] [redacted] [redacted]", fmt.Sprintf("%v %+v %#v", s, s, s))
}
