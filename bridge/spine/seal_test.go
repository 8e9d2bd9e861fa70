package spine

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/record"
)

func TestKey(t *testing.T) {
	k := NewKey()
	require.NotEqual(t, k, NewKey())
	for _, text := range []string{k.Text(), strings.ToUpper(k.Text()), " " + k.Text() + "\n", base64.StdEncoding.EncodeToString(k[:]),
		base64.RawStdEncoding.EncodeToString(k[:]), base64.URLEncoding.EncodeToString(k[:]), base64.RawURLEncoding.EncodeToString(k[:])} {
		got, err := ParseKey(text)
		require.NoError(t, err)
		require.Equal(t, k, got)
	}
	for _, text := range []string{"", "secret", strings.Repeat("z", 64), strings.Repeat("!", 43), strings.Repeat("0", 64), k.Text()[:62],
		strings.Repeat("A", 43), strings.Repeat("A", 42) + "B="} {
		_, err := ParseKey(text)
		require.Error(t, err, text)
		if text != "" {
			require.NotContains(t, err.Error(), text)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		require.Equal(t, "[redacted]", fmt.Sprintf(verb, k))
	}
	require.Contains(t, fmt.Sprintf("%+v", struct{ K Key }{k}), "[redacted]")
	b, err := json.Marshal(map[string]Key{"key": k})
	require.NoError(t, err)
	require.JSONEq(t, `{"key":"[redacted]"}`, string(b))
}

func TestClaimsHeader(t *testing.T) {
	c := claims("attempt")
	header, err := c.Header()
	require.NoError(t, err)
	again, err := c.Header()
	require.NoError(t, err)
	require.Equal(t, header, again)
	require.NotContains(t, header, "\n")
	got, err := ParseClaims(header)
	require.NoError(t, err)
	require.Equal(t, c, got)
	got, err = ParseClaims(`{"attempt":"a","of a later release":[1]}`)
	require.NoError(t, err)
	require.Equal(t, "a", got.Attempt)
	c.User = strings.Repeat("x", maxClaims)
	_, err = c.Header()
	require.Error(t, err)
	_, err = Seal(NewKey(), c, subject, nil)
	requireReason(t, record.ReasonInternal, err)
	for _, header := range []string{"", "{", "[]", `{"attempt":1}`, `{"user":"` + strings.Repeat("x", maxClaims) + `"}`} {
		_, err := ParseClaims(header)
		require.Error(t, err)
	}
}

// The published test vectors of XAES-256-GCM (c2sp.org/XAES-256-GCM).
func TestMessageCipherIsXAES256GCM(t *testing.T) {
	nonce := []byte("ABCDEFGHIJKLMNOPQRSTUVWX")
	for _, c := range []struct {
		key        byte
		additional string
		want       string
	}{
		{0x01, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{0x03, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		var key Key
		for i := range key {
			key[i] = c.key
		}
		got := messageCipher(key, nonce).Seal(nil, nonce[12:], []byte("XAES-256-GCM"), []byte(c.additional))
		require.Equal(t, c.want, hex.EncodeToString(got))
	}
}

func TestSealAndOpen(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		key := NewKey()
		c := Claims{Attempt: rapid.String().Draw(rt, "attempt"), User: rapid.String().Draw(rt, "user")}
		body := rapid.SliceOfN(rapid.Byte(), 0, 3000).Draw(rt, "body")
		sealed, err := Seal(key, c, subject, body)
		require.NoError(rt, err)
		header, err := c.Header()
		require.NoError(rt, err)
		got, _, err := Open(key, header, subject, sealed, len(body), 1)
		require.NoError(rt, err)
		require.True(rt, bytes.Equal(body, got))
		at, bit := rapid.IntRange(0, len(sealed)-1).Draw(rt, "at"), rapid.IntRange(0, 7).Draw(rt, "bit")
		sealed[at] ^= 1 << bit
		_, _, err = Open(key, header, subject, sealed, len(body), 1)
		require.ErrorIs(rt, err, errSeal)
	})
}

func TestWhatTheSealBinds(t *testing.T) {
	key := NewKey()
	one, two := claims("one"), claims("two")
	two.User = "somebody else"
	header := map[string]string{}
	sealed := map[string][]byte{}
	for name, c := range map[string]Claims{"one": one, "two": two} {
		h, err := c.Header()
		require.NoError(t, err)
		s, err := Seal(key, c, subject, []byte("<body "+name+"/>"))
		require.NoError(t, err)
		require.NotContains(t, string(s), "<body")
		header[name], sealed[name] = h, s
	}
	open := func(key Key, header, subject string, sealed []byte) error {
		_, _, err := Open(key, header, subject, sealed, 1000, 100)
		return err
	}
	require.NoError(t, open(key, header["one"], subject, sealed["one"]))
	require.NoError(t, open(key, header["two"], subject, sealed["two"]))
	require.ErrorIs(t, open(key, header["two"], subject, sealed["one"]), errSeal, "claims swapped")
	require.ErrorIs(t, open(key, header["one"], subject, sealed["two"]), errSeal, "bodies swapped")
	require.ErrorIs(t, open(key, header["one"], subject+replyDirection, sealed["one"]), errSeal, "a request as its own answer")
	require.ErrorIs(t, open(key, header["one"], "linkspan.test.edge.systmone", sealed["one"]), errSeal, "another subject")
	require.ErrorIs(t, open(NewKey(), header["one"], subject, sealed["one"]), errSeal, "another key")
	require.ErrorIs(t, open(key, strings.Replace(header["one"], "R8000", "R8001", 1), subject, sealed["one"]), errSeal, "another role")
	require.ErrorIs(t, open(key, header["one"], subject, sealed["one"][:20]), errSeal, "cut")
	require.ErrorIs(t, open(key, header["one"], subject, nil), errSeal, "empty")
	requireReason(t, record.ReasonInternal, open(Key{}, header["one"], subject, sealed["one"]))
	_, err := Seal(Key{}, one, subject, nil)
	requireReason(t, record.ReasonInternal, err)
	require.Error(t, open(key, "", subject, sealed["one"]))
	// The boundary between subject and claims is part of what is bound.
	require.NotEqual(t, additional(`{"a":1}`, "s"), additional(`1}`, `s{"a":`))
}

func TestDecompressionIsBounded(t *testing.T) {
	key := NewKey()
	header, err := claims("a").Header()
	require.NoError(t, err)
	seal := func(compressed []byte) []byte {
		nonce := bytes.Repeat([]byte{7}, nonceBytes)
		return messageCipher(key, nonce).Seal(nonce, nonce[12:], compressed, additional(header, subject))
	}
	compress := func(body []byte, opts ...zstd.EOption) []byte {
		e, err := zstd.NewWriter(nil, append([]zstd.EOption{zstd.WithSingleSegment(true)}, opts...)...)
		require.NoError(t, err)
		return e.EncodeAll(body, nil)
	}
	var streamed bytes.Buffer // a stream does not state its length
	w, err := zstd.NewWriter(&streamed)
	require.NoError(t, err)
	for range 2 {
		_, err = w.Write([]byte("half"))
		require.NoError(t, err)
		require.NoError(t, w.Flush())
	}
	require.NoError(t, w.Close())
	bomb := compress(make([]byte, 8<<20))
	require.Less(t, len(bomb), 2000)
	lying := compress(make([]byte, 300)) // says 300; made to say 299
	at := bytes.Index(lying, []byte{44, 0})
	require.Positive(t, at)
	lying[at]--
	for name, c := range map[string]struct {
		compressed []byte
		limit      int
		want       string
	}{
		"over the limit":   {compress(make([]byte, 1001)), 1000, "longer than 1000 bytes"},
		"over the ratio":   {bomb, 8 << 20, "more than 250 times"},
		"no stated length": {streamed.Bytes(), 1 << 20, "does not state its length"},
		"not compressed":   {[]byte("<xml/> as it is"), 1000, "does not state its length"},
		"nothing":          {nil, 1000, "does not state its length"},
		"cut":              {bomb[:len(bomb)-5], 8 << 20, ""},
		"a lie":            {lying, 1000, "cannot be decompressed"},
		"two frames":       {append(compress([]byte("one")), compress([]byte("two"))...), 1000, "cannot be decompressed"},
		"skippable":        {[]byte{0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4}, 1000, "does not state its length"},
		"sealed too long":  {noise(5000), 1000, "longer than 1000 bytes"},
	} {
		_, _, err := Open(key, header, subject, seal(c.compressed), c.limit, DefaultRatio)
		require.ErrorContains(t, err, c.want, name)
	}
	body, _, err := Open(key, header, subject, seal(bomb), 8<<20, 1<<20)
	require.NoError(t, err)
	require.Len(t, body, 8<<20)
}

// FuzzOpen: nothing but what Seal made opens, whatever arrives; and what does
// open is within the limit.
func FuzzOpen(f *testing.F) {
	key := Key(sha256.Sum256([]byte("fuzz")))
	c := claims("a")
	header, err := c.Header()
	require.NoError(f, err)
	for _, body := range [][]byte{nil, []byte("<x/>"), xmlish(5000), noise(500)} {
		sealed, err := Seal(key, c, subject, body)
		require.NoError(f, err)
		f.Add(header, subject, sealed, false)
		f.Add(header, subject, sealed[nonceBytes:], true)
		f.Add("", "", sealed, false)
	}
	const limit = 4096
	s := newSealer(key, limit, 10, 1)
	f.Fuzz(func(t *testing.T, header, subject string, data []byte, inside bool) {
		if inside && len(data) < 1<<16 { // behind a true seal, so that the decoder is reached
			nonce := make([]byte, nonceBytes)
			data = messageCipher(key, nonce).Seal(nonce, nonce[12:], data, additional(header, subject))
		}
		body, claims, err := s.open(header, subject, data)
		if err != nil {
			require.Nil(t, body)
			require.Zero(t, claims)
			return
		}
		require.LessOrEqual(t, len(body), limit)
		if _, err := claims.Header(); err != nil {
			return // escaping may make them longer than they came
		}
		sealed, err := s.sealed(header, subject, body)
		require.NoError(t, err)
		again, _, err := s.open(header, subject, sealed)
		require.NoError(t, err)
		require.True(t, bytes.Equal(body, again))
	})
}
