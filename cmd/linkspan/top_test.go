package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/status"
)

var updateTop = flag.Bool("update", false, "rewrite the golden frames")

// broken is a link in which as much as possible is amiss.
func broken() status.Link {
	at := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	refused := at.Add(-time.Hour)
	x := status.Exchanges{InFlight: 2, PerMinute: 7.5,
		Directions: []status.Direction{{From: "emisweb", To: "systmone", Released: 40, Refused: map[string]uint64{"no-consent": 2, "unavailable": 9}, Entries: map[string]uint64{"coded": 900, "degraded": 120}, Recent: status.Recent{Released: 3}}},
		Hops:       []status.Hop{{Name: status.HopExchange, Count: 12, P50: 0.2, P95: 2.4}, {Name: status.HopTranslate, Count: 12, P50: 0.0006, P95: 0.003}},
		Unmapped:   []status.Unmapped{{Scheme: "ctv3", Code: "XE0Uc", Kind: "problem", Count: 8}}}
	return status.Link{Form: status.LinkForm, Economy: "estuary", Pair: "emisweb-systmone", Environment: "test", At: at, Level: status.Down,
		Why: []string{"SystmOne does not answer: connection refused", "instance far: nothing heard for 40 s"},
		Systems: []status.System{{Name: "emisweb", Title: "EMIS Web", Wire: status.WireUp, Since: at.Add(-2 * time.Hour), Breaker: "closed", InFlight: 1},
			{Name: "systmone", Title: "SystmOne", Wire: status.WireDown, Since: at.Add(-90 * time.Second), Reason: "connection refused", Breaker: "open", Waiting: 3}},
		Exchanges: x,
		Instances: []status.Seen{
			{Presence: status.Present, Heard: at, Report: status.Report{Instance: "here", Version: "1.2.3", Roles: []string{"exchange", "emisweb", "systmone"}, Level: status.Down, Started: at.Add(-72 * time.Hour), NATS: status.NATS{Connected: true},
				Tables:       &status.Tables{MapSet: "88b92cfed141b6463bc87e99", Since: at.Add(-24 * time.Hour), By: "m.okafor", Refused: &refused, Signed: 51, Count: 52},
				Audit:        &status.Audit{Records: 1234, Checkpoint: at.Add(-time.Minute), Verified: at.Add(-time.Hour), Trouble: "no space left on device"},
				Certificates: []status.Certificate{{Use: "systmone", What: "linkspan.estuary.example", Until: at.Add(5 * 24 * time.Hour)}}}},
			{Presence: status.Gone, Heard: at.Add(-40 * time.Second), Report: status.Report{Instance: "far", Version: "1.2.3", Roles: []string{"exchange"}, Level: status.OK, Started: at.Add(-time.Hour)}}},
		Events: []status.Event{{At: at.Add(-90 * time.Second), Kind: "wire", Words: "systmone does not answer: " + strings.Repeat("long ", 20)}, {At: at.Add(-2 * time.Hour), Kind: "wire", Words: "\x1b[2Jemisweb answers"}}}
}

// The frame of a broken link fits into 80 columns, says everything in words, and
// nothing in it moves a terminal's cursor.
func TestTopFrame(t *testing.T) {
	frame := topFrame{link: broken(), at: broken().At}.String()
	golden := filepath.Join("testdata", "top.golden")
	if *updateTop {
		require.NoError(t, os.WriteFile(golden, []byte(frame), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), frame)
	require.NotContains(t, frame, "\x1b")
	for line := range strings.Lines(frame) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, line)
	}
	coloured := topFrame{link: broken(), at: broken().At, colour: true}.String()
	require.Contains(t, coloured, "\x1b[1;31mSystmOne     [DOWN]")
	require.NotContains(t, coloured, "\x1b[2J")
}

// A page as top sees it: the frame goes with every message, a refused token ends
// it, and a page that is gone is said over the last figures.
func TestTop(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer right" {
			http.Error(w, "the token is \x1b[2J wrong", http.StatusUnauthorized)
			return
		}
		text, _ := json.Marshal(broken())
		if r.URL.Path == "/status.json" {
			_, _ = w.Write(text)
			return
		}
		fmt.Fprintf(w, "retry: 2000\n\ndata: %s\n\n: still here\n\ndata: %s\n\n", text, text)
	}))
	defer page.Close()
	right := &topPage{url: page.URL, token: "right", client: page.Client()}
	shown := 0
	require.NoError(t, right.stream(t.Context(), func(status.Link) { shown++ }))
	require.Equal(t, 2, shown)
	link, err := right.once(t.Context())
	require.NoError(t, err)
	require.Equal(t, status.Down, link.Level)

	var denied topDenied
	wrong := &topPage{url: page.URL, token: "wrong", client: page.Client()}
	err = wrong.stream(t.Context(), nil)
	require.True(t, errors.As(err, &denied))
	require.NotContains(t, err.Error(), "\x1b")

	var out bytes.Buffer
	screen := topScreen{to: &out}
	screen.lost(errors.New("connection refused"))
	require.Contains(t, out.String(), "NO CONNECTION: connection refused")
	screen.show(link, "")
	out.Reset()
	screen.lost(nil)
	require.Contains(t, out.String(), "NO NEWS for")
	require.Contains(t, out.String(), "[DOWN]", "the last figures stay")

	var usage usageError
	for _, c := range []topCommand{{URL: "127.0.0.1:7787"}, {URL: "https://ops.example"}, {URL: "http://127.0.0.1:1", Cert: "x"}} {
		require.ErrorAs(t, c.Run(context.Background(), streams2(&out)), &usage)
	}
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("right\n"), 0o600))
	require.ErrorAs(t, topCommand{URL: "http://ops.example:1", TokenFile: token}.Run(context.Background(), streams2(&out)), &usage)
	out.Reset()
	require.ErrorIs(t, topCommand{URL: page.URL, TokenFile: token, Once: true}.Run(context.Background(), streams2(&out)), errRefused, "down is exit code 1")
	require.Contains(t, out.String(), "DOWN\n")
}

func streams2(out *bytes.Buffer) streams { return streams{out, out} }
