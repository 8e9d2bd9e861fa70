package record_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/record"
)

const synthetic = "9998193036"

func nhs(t testing.TB, s string) record.NHSNumber {
	t.Helper()
	n, err := record.ParseNHSNumber(s)
	require.NoError(t, err)
	return n
}

func TestParseNHSNumber(t *testing.T) {
	for _, in := range []string{synthetic, "999 819 3036", "999-819-3036", " 9998193036\n"} {
		n := nhs(t, in)
		require.Equal(t, synthetic, n.Digits())
		require.True(t, n.Test())
		require.False(t, n.IsZero())
		require.True(t, n == nhs(t, synthetic), "two readings of one number are equal by ==")
	}
	for _, in := range []string{"", " ", "999819303", "99981930366", "9998193037", "9998193063", "999 8193036", "999-819 3036", "999 819-3036", "99 98193036",
		"9998 193 036", "999  819 3036", "999.819.3036", "999819303X", "９９９８１９３０３６", "99981930 6", "+998193036"} {
		n, err := record.ParseNHSNumber(in)
		require.ErrorIs(t, err, record.ErrNHSNumber, in)
		require.True(t, n.IsZero())
		require.NotContains(t, err.Error(), "99")
	}
	for d := range 10 {
		_, err := record.ParseNHSNumber(strings.Repeat(fmt.Sprint(d), 10))
		require.ErrorIs(t, err, record.ErrNHSNumber, "one digit repeated")
	}
}

// check is the check digit of nine digits, 10 when there is none.
func check(nine string) int {
	sum := 0
	for i, c := range nine {
		sum += int(c-'0') * (10 - i)
	}
	return (11 - sum%11) % 11
}

func TestCheckDigit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nine := "999" + rapid.StringMatching(`[0-9]{6}`).Draw(t, "rest")
		valid := check(nine)
		for d := range 10 {
			n, err := record.ParseNHSNumber(nine + fmt.Sprint(d))
			if d == valid && nine != "999999999" {
				require.NoError(t, err)
				require.Equal(t, nine+fmt.Sprint(d), n.Digits())
			} else {
				require.ErrorIs(t, err, record.ErrNHSNumber)
			}
		}
		if valid == 10 {
			return
		}
		wrong := []byte(nine + fmt.Sprint(valid))
		i := rapid.IntRange(0, 9).Draw(t, "place")
		wrong[i] = byte('0' + (int(wrong[i]-'0')+rapid.IntRange(1, 9).Draw(t, "by"))%10)
		_, err := record.ParseNHSNumber(string(wrong))
		require.ErrorIs(t, err, record.ErrNHSNumber, "every single wrong digit is found")
	})
}

func TestNotTheTestRange(t *testing.T) {
	nine := "943476591"
	n := nhs(t, nine+fmt.Sprint(check(nine)))
	require.False(t, n.Test())
	require.False(t, record.NHSNumber{}.Test())
	require.Empty(t, record.NHSNumber{}.Digits())
	require.True(t, record.NHSNumber{}.IsZero())
}

// holder is every way a program may come to hold a number.
type holder struct {
	Public   record.NHSNumber
	private  record.NHSNumber
	pointer  *record.NHSNumber
	nested   struct{ inner struct{ n record.NHSNumber } }
	list     []record.NHSNumber
	array    [1]record.NHSNumber
	byName   map[string]record.NHSNumber
	byNumber map[record.NHSNumber]int
	any      any
	request  record.Request
	patient  record.Patient
	record   *record.Record
	answer   record.Response
}

func TestNumberIsNeverPrinted(t *testing.T) {
	n := nhs(t, synthetic)
	rec := record.New(record.Source{})
	rec.Patient.NHS = n
	h := holder{Public: n, private: n, pointer: &n, list: []record.NHSNumber{n}, array: [1]record.NHSNumber{n}, byName: map[string]record.NHSNumber{"a": n},
		byNumber: map[record.NHSNumber]int{n: 1}, any: n, request: record.Request{Patient: record.Identity{NHS: n}}, patient: rec.Patient, record: rec,
		answer: record.Answered(rec)}
	h.nested.inner.n = n
	identity := record.Identity{NHS: n}
	for name, v := range map[string]any{"number": n, "pointer": &n, "list": h.list, "map": h.byName, "key": h.byNumber, "holder": h, "to holder": &h,
		"holders": []holder{h}, "identity": identity, "request": h.request, "patient": rec.Patient, "record": rec, "response": h.answer} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%o", "%U", "%c", "%t", "%20v", "%.3s"} {
			unprinted(t, name+" "+verb, fmt.Sprintf(verb, v))
		}
		unprinted(t, name+" Sprint", fmt.Sprint(v))
		unprinted(t, name+" error", fmt.Errorf("op: %v: %w", v, record.ErrDate).Error())
		if text, err := json.Marshal(v); err == nil {
			unprinted(t, name+" json", string(text))
		}
		if text, err := xml.Marshal(v); err == nil {
			unprinted(t, name+" xml", string(text))
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "v", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", v)
		for _, encoder := range []zapcore.Encoder{zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig())} {
			logger := zap.New(zapcore.NewCore(encoder, zapcore.AddSync(&log), zap.DebugLevel))
			logger.Info("m", zap.Any("v", v), zap.Reflect("r", v))
			logger.Sugar().Infow(fmt.Sprint(v), "v", v)
		}
		unprinted(t, name+" log", log.String())
	}
}

func unprinted(t *testing.T, name, out string) {
	t.Helper()
	require.NotContains(t, out, synthetic, name)
	require.NotContains(t, out, synthetic[:9], name)
	require.NotContains(t, strings.ToLower(out), fmt.Sprintf("%x", synthetic), name)
}

func TestMask(t *testing.T) {
	const mask = "NHS number ••••••••••"
	for _, n := range []record.NHSNumber{{}, nhs(t, synthetic)} {
		require.Equal(t, mask, n.String())
		require.Equal(t, mask, fmt.Sprintf("%#v", n))
		var m encoding.TextMarshaler = n
		text, err := m.MarshalText()
		require.NoError(t, err)
		require.Equal(t, mask, string(text))
	}
	text, err := json.Marshal(map[string]any{"n": nhs(t, synthetic)})
	require.NoError(t, err)
	require.JSONEq(t, `{"n":"`+mask+`"}`, string(text))
}
