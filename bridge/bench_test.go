package bridge_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/natsd"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
)

// BenchmarkRoundTrip is a record of about 70 KB asked for by SystmOne and
// answered by EMIS Web's stand-in, through all roles in one process on real
// sockets. Beside it stand the parts nobody can do without, measured in the same
// run with the same bytes: the translation alone, four echoes over NATS, both
// wires alone with the stand-in behind them, and one write to the disk. over-floor
// is the whole over the sum of them.
func BenchmarkRoundTrip(b *testing.B) {
	var heard overheard
	var canned atomic.Pointer[func([]byte) []byte] // the stand-in's own time is not what is measured
	emis := stand(b, "emisweb", standin.Options{})
	clock, hops := &shifting{}, &hops{}
	e := start(b, setup{options: func(o bridge.Options) bridge.Options {
		o.Observe, o.Now = hops.keep, clock.now
		return o
	}, holders: map[string]wire.Handler{"emisweb": heard.recording(func(ctx context.Context, message []byte, from wire.Peer) []byte {
		if answer := canned.Load(); answer != nil {
			return (*answer)(message)
		}
		return emis.Handle(ctx, message, from)
	})}})
	ask := request(b, "systmone-whole.xml")
	first := e.ask("systmone", ask)
	asked := 0
	again := func() {
		if asked++; asked%20 == 0 {
			clock.advance(61 * time.Minute) // within what one user may ask in an hour
		}
		require.Equal(b, len(first), len(e.ask("systmone", ask)), "an answer with the record")
	}
	native := emis.Handle(b.Context(), heard.message(), wire.Peer{})
	canning := echoing(heard.message(), native)
	canned.Store(&canning)
	again()
	require.Greater(b, len(native), 40<<10)

	parts := floors(b, e, heard.message(), native, ask, first)
	for b.Loop() { // the figures below are medians of runs of their own
		again()
	}
	whole := median(b, again)
	floor := time.Duration(0)
	for _, part := range parts {
		floor += part.took
		b.ReportMetric(float64(part.took.Microseconds()), part.name+"-us")
	}
	for name, took := range hops.medians() {
		b.ReportMetric(float64(took), name+"-us")
	}
	b.ReportMetric(float64(whole.Microseconds()), "p50-us")
	b.ReportMetric(float64(whole)/float64(floor), "over-floor")
	b.ReportMetric(float64(len(native)), "record-bytes")
}

// hops are where the exchanges of a run spent their time, in microseconds.
type hops struct {
	mu  sync.Mutex
	all map[string][]int64
}

func (h *hops) keep(o bridge.Outcome) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil {
		h.all = map[string][]int64{}
	}
	for name, took := range map[string]int64{"in-exchange": o.Micros, "of-it-holder": o.HolderMicros, "of-it-own-copy": o.OwnCopyMicros,
		"of-it-translate": o.TranslateMicros, "of-it-audit": o.AuditMicros} {
		h.all[name] = append(h.all[name], took)
	}
}

func (h *hops) medians() map[string]int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	medians := map[string]int64{}
	for name, took := range h.all {
		slices.Sort(took)
		medians[name] = took[len(took)/2]
	}
	return medians
}

type part struct {
	name string
	took time.Duration
}

// floors measures the parts.
func floors(b *testing.B, e *economy, asked, native, ask, answer []byte) []part {
	pair := pairs.EMISWebSystmOne()
	options := map[string]system.Options{"emisweb": {Settings: settings["emisweb"]}, "systmone": {Settings: settings["systmone"]}}
	link, err := pairs.Open(pair, options)
	require.NoError(b, err)
	tables, err := mapping.Starter()
	require.NoError(b, err)
	set, faults := mapping.NewSet(tables...)
	require.Empty(b, faults)
	translate := median(b, func() {
		_, _, err := link.TranslateMessage(b.Context(), set, native, pairs.Offline{From: "emisweb", Message: pairs.MessageResponse, ID: system.MessageID{ID: "b", At: time.Unix(1, 0)}})
		require.NoError(b, err)
	})

	server, err := natsd.Start(natsd.Options{Name: "echo"})
	require.NoError(b, err)
	defer server.Shutdown()
	nc, err := server.Connect("echo")
	require.NoError(b, err)
	defer nc.Close()
	_, err = nc.Subscribe("echo", func(m *nats.Msg) { _ = m.Respond(m.Data) })
	require.NoError(b, err)
	echo := median(b, func() {
		_, err := nc.Request("echo", native, time.Second)
		require.NoError(b, err)
	})

	wires := wireAlone(b, e.systems["emisweb"].Wire, asked, native) + wireAlone(b, e.systems["systmone"].Wire, ask, answer)

	file, err := os.Create(filepath.Join(b.TempDir(), "sync"))
	require.NoError(b, err)
	defer func() { require.NoError(b, file.Close()) }()
	line := make([]byte, 2<<10)
	disk := median(b, func() {
		_, err := file.Write(line)
		require.NoError(b, err)
		require.NoError(b, file.Sync())
	})
	return []part{{"translate", translate}, {"4-echoes", 4 * echo}, {"wires", wires}, {"fsync", disk}}
}

// wireAlone is one exchange on a wire whose other end answers at once.
func wireAlone(b *testing.B, w system.Wire, ask, answer []byte) time.Duration {
	listener, err := wire.Listen(b.Context(), w, "127.0.0.1:0", func(context.Context, []byte, wire.Peer) []byte { return answer }, wire.ListenOptions{})
	require.NoError(b, err)
	defer func() { require.NoError(b, listener.Shutdown(context.Background())) }()
	client := wire.NewClient(w, listener.Addr().String(), wire.ClientOptions{ThrottleDisabled: true})
	defer client.Close()
	return median(b, func() {
		_, err := client.Do(b.Context(), ask, nil)
		require.NoError(b, err)
	})
}

var anyUUID = regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)

// echoing gives an answer again to other requests, with their ids in the place of
// those of the request it was given to.
func echoing(asked, answer []byte) func([]byte) []byte {
	old := anyUUID.FindAll(bytes.Clone(asked), -1)
	return func(message []byte) []byte {
		var pairs []string
		for i, id := range anyUUID.FindAll(message, -1) {
			pairs = append(pairs, string(old[i]), string(id))
		}
		return []byte(strings.NewReplacer(pairs...).Replace(string(answer)))
	}
}

// median is that of a hundred runs.
func median(b *testing.B, run func()) time.Duration {
	took := make([]time.Duration, 101)
	for i := range took {
		started := time.Now()
		run()
		took[i] = time.Since(started)
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// BenchmarkStart is from nothing to the answer of every role, with the starter
// tables; ready-ms is the target's unit.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		config := startable(b)
		b.StartTimer()
		running, err := bridge.Start(b.Context(), config, bridge.Options{Version: "0.0.1"})
		b.StopTimer()
		require.NoError(b, err)
		require.NoError(b, running.Stop(context.Background()))
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ready-ms")
}

// startable is a configuration whose systems are not there.
func startable(b *testing.B) bridge.Config {
	var config bridge.Config
	e := start(b, setup{config: func(c *bridge.Config) { config = *c }})
	require.NoError(b, e.Stop(context.Background()))
	config.Data = b.TempDir()
	return config
}
