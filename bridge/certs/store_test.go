package certs_test

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/linkspan/linkspan/bridge/certs"
	"github.com/linkspan/linkspan/bridge/certs/certstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is set by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// events keeps what a store tells.
type events struct {
	mu  sync.Mutex
	all []certs.Event
}

func (e *events) tell(event certs.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, event)
}

// take is what was told since it was last asked.
func (e *events) take() []certs.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := e.all
	e.all = nil
	return all
}

// open opens a store that looks at its files only when it is told to.
func open(t *testing.T, o certs.Options) *certs.Store {
	t.Helper()
	if o.Poll == 0 {
		o.Quiet, o.Poll = time.Hour, time.Hour
	}
	s, err := certs.Open(o)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// Every fault of the files is named at once, and nothing of the key.
func TestEveryFaultAtOnce(t *testing.T) {
	_, err := certs.Open(certs.Options{Use: "x"})
	for _, what := range []string{"certificate", "key", "authorities", "pins", "revocation lists", "names"} {
		require.ErrorContains(t, err, what)
	}
	area := certstest.New(t, "area")
	own := area.Issue("linkspan.test")
	good := func() certs.Options { return area.Files(own, []string{"peer.test"}, own) }
	o := good()
	certstest.Write(t, o.CA, own.PEM())
	certstest.Write(t, o.Pins, []byte("sha256/abc\n"))
	certstest.Write(t, o.CRL[0], []byte("no list"))
	require.NoError(t, os.Chmod(o.Key, 0o644))
	_, err = certs.Open(o)
	for _, what := range []string{"not an authority's", o.Pins + ":1", "revocation list: " + o.CRL[0], "chmod 600"} {
		require.ErrorContains(t, err, what)
	}
	other := certstest.New(t, "area") // the same name, another key
	for name, spoil := range map[string]func(o *certs.Options){
		"another's key":       func(o *certs.Options) { certstest.Write(t, o.Key, area.Issue("x").KeyPEM(t)) },
		"no pins":             func(o *certs.Options) { certstest.Write(t, o.Pins, []byte("# none\n\n")) },
		"no authorities":      func(o *certs.Options) { certstest.Write(t, o.CA, nil) },
		"rubbish after":       func(o *certs.Options) { certstest.Write(t, o.CA, append(area.PEM(), "rubbish"...)) },
		"a key among them":    func(o *certs.Options) { certstest.Write(t, o.CA, append(area.PEM(), own.KeyPEM(t)...)) },
		"a list not signed":   func(o *certs.Options) { certstest.Write(t, o.CRL[0], other.List(nil)) },
		"a wildcard":          func(o *certs.Options) { o.Names = []string{"*.test"} },
		"an empty name":       func(o *certs.Options) { o.Names = []string{""} },
		"a file that is gone": func(o *certs.Options) { o.CRL = append(o.CRL, filepath.Join(t.TempDir(), "gone")) },
		"a list of a part": func(o *certs.Options) {
			certstest.Write(t, o.CRL[0], area.List(nil, func(l *x509.RevocationList) {
				l.ExtraExtensions = append(l.ExtraExtensions, pkixCritical([]int{2, 5, 29, 28}))
			}))
		},
		"expired": func(o *certs.Options) {
			certstest.Write(t, o.Cert, area.Sign("linkspan.test", own.Key, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }).PEM())
		},
	} {
		o := good()
		spoil(&o)
		_, err := certs.Open(o)
		require.Error(t, err, name)
	}
	s, err := certs.Open(good())
	require.NoError(t, err)
	s.Close()
}

// Pins are read as sites write them.
func TestPinsInEveryForm(t *testing.T) {
	own := certstest.New(t, "area").Issue("x")
	want := certs.Pin(own.Cert)
	for _, text := range []string{hex.EncodeToString(want[:]), "sha256/" + hex.EncodeToString(want[:]), "sha256:" + base64text(want[:]), base64text(want[:])} {
		pin, err := certs.ParsePin(text)
		require.NoError(t, err)
		require.Equal(t, want, pin)
	}
	for _, text := range []string{"", "sha256/", "abcd", hex.EncodeToString(want[:31])} {
		_, err := certs.ParsePin(text)
		require.Error(t, err, text)
	}
}

// SE-01: each end is told of at 30, 14, 7 and 1 days and when it has come, once
// each, and a list of a week not on its first day.
func TestEndsAreToldOfBeforehand(t *testing.T) {
	area := certstest.New(t, "area")
	begin := time.Now()
	day := 24 * time.Hour
	own := area.Issue("linkspan.test", func(c *x509.Certificate) { c.NotBefore, c.NotAfter = begin.Add(-day), begin.Add(100*day) })
	o := area.Files(own, []string{"peer.test"}, own)
	certstest.Write(t, o.CRL[0], area.List(nil, func(l *x509.RevocationList) { l.ThisUpdate, l.NextUpdate = begin.Add(-time.Hour), begin.Add(10*day) }))
	at, told := &clock{at: begin}, &events{}
	o.Now, o.Events = at.now, told.tell
	s := open(t, o)
	require.Empty(t, told.take(), "ten days are the list's whole life")
	type seen struct {
		kind certs.Kind
		what string
		days int
	}
	var got []seen
	for hour := range 101 * 24 {
		at.set(begin.Add(time.Duration(hour) * time.Hour))
		s.Check()
		for _, e := range told.take() {
			if e.Kind == certs.Kept { // the certificate has expired
				continue
			}
			got = append(got, seen{e.Kind, e.What, e.Days})
			text, err := json.Marshal(e)
			require.NoError(t, err)
			require.NotContains(t, string(text), "PRIVATE")
			require.Equal(t, "test", e.Use)
		}
	}
	list, certificate := "revocation list of CN=area", "certificate of CN=linkspan.test"
	require.Equal(t, []seen{{certs.Expiring, list, 7}, {certs.Expiring, list, 1}, {certs.Expired, list, 0},
		{certs.Expiring, certificate, 30}, {certs.Expiring, certificate, 14}, {certs.Expiring, certificate, 7}, {certs.Expiring, certificate, 1}, {certs.Expired, certificate, 0}}, got)
}

// A set that is half written keeps the one in use and is told of once; the
// whole set is taken.
func TestHalfASetChangesNothing(t *testing.T) {
	area := certstest.New(t, "area")
	own, next := area.Issue("linkspan.test"), area.Issue("linkspan.test")
	told := &events{}
	o := area.Files(own, []string{"peer.test"}, own)
	o.Events = told.tell
	s := open(t, o)
	shown := func() []byte {
		c, err := s.Server().GetCertificate(nil)
		require.NoError(t, err)
		return c.Certificate[0]
	}
	certstest.Write(t, o.Cert, next.PEM())
	s.Check()
	s.Check()
	kept := told.take()
	require.Len(t, kept, 1)
	require.Equal(t, certs.Kept, kept[0].Kind)
	require.NotContains(t, kept[0].Err, "PRIVATE")
	require.True(t, bytes.Equal(own.Cert.Raw, shown()))
	certstest.Write(t, o.Key, next.KeyPEM(t))
	s.Check()
	require.Equal(t, certs.Reloaded, told.take()[0].Kind)
	require.True(t, bytes.Equal(next.Cert.Raw, shown()))
	s.Check()
	require.Empty(t, told.take(), "the same files are not new")
	for _, file := range []string{o.CA, o.Pins, o.CRL[0]} { // cut files keep the old ones
		whole, err := os.ReadFile(file)
		require.NoError(t, err)
		certstest.Write(t, file, whole[:len(whole)/2])
		s.Check()
		require.Equal(t, certs.Kept, told.take()[0].Kind, file)
		certstest.Write(t, file, whole)
		s.Check()
		require.Empty(t, told.take(), file)
	}
}

// A changed file is noticed without anybody's asking: by the file system's
// word, and where it has none by polling.
func TestFilesAreWatched(t *testing.T) {
	area := certstest.New(t, "area")
	own := area.Issue("linkspan.test")
	for name, pace := range map[string][2]time.Duration{"told": {time.Millisecond, time.Hour}, "polled": {time.Hour, time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			told := make(chan certs.Event, 10)
			o := area.Files(own, []string{"peer.test"}, own)
			o.Quiet, o.Poll = pace[0], pace[1]
			o.Events = func(e certs.Event) {
				if e.Kind == certs.Reloaded {
					told <- e
				}
			}
			open(t, o)
			certstest.Write(t, o.CRL[0], area.List(nil))
			require.Equal(t, "test", (<-told).Use)
		})
	}
}
