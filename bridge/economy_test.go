package bridge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/testdata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// economy is a health economy on loopback: two systems on their real wires
// with the bridge between them.
type economy struct {
	*bridge.Bridge
	t        testing.TB
	systems  map[string]system.System
	logs     *observer.ObservedLogs
	data     string
	outcomes chan bridge.Outcome
}

// setup is what a test changes of the usual economy.
type setup struct {
	// holders answer in place of the stand-in of that system.
	holders map[string]wire.Handler
	// standins are the switches of the stand-ins.
	standins  map[string]standin.Options
	agreement func(*governance.Agreement)
	config    func(*bridge.Config)
	options   func(bridge.Options) bridge.Options
}

// settings are what the codecs need to make requests of their own.
var settings = map[string]map[string]string{
	"emisweb":  {"user": "linkspan", "machine": "test"},
	"systmone": {"api-key": "test-key", "device-id": "5ca1ab1e0ddba115", "device-version": "test"},
}

func start(t testing.TB, s setup) *economy {
	t.Helper()
	pair := pairs.EMISWebSystmOne()
	core, logs := observer.New(zapcore.DebugLevel)
	e := &economy{t: t, systems: map[string]system.System{pair.A.Name: pair.A, pair.B.Name: pair.B}, logs: logs, data: t.TempDir(), outcomes: make(chan bridge.Outcome, 64)}
	sides := map[string]bridge.SideConfig{}
	for name, native := range e.systems {
		handler := s.holders[name]
		if handler == nil {
			handler = stand(t, name, s.standins[name]).Handle
		}
		listener, err := wire.Listen(t.Context(), native.Wire, "127.0.0.1:0", handler, wire.ListenOptions{Limit: 64 << 20})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, listener.Shutdown(context.Background())) })
		sides[name] = bridge.SideConfig{Address: listener.Addr().String(), Listen: "127.0.0.1:0", Plaintext: []string{"listen", "address"}, Throttle: "off", Settings: settings[name]}
	}
	agreement := agreement(pair)
	if s.agreement != nil {
		s.agreement(&agreement)
	}
	text, err := json.Marshal(agreement)
	require.NoError(t, err)
	file := filepath.Join(e.data, "agreement.json")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	config := bridge.Config{Economy: "test", Pair: pair.Name, Environment: bridge.EnvironmentTest, Instance: "one",
		Roles: []string{bridge.RoleExchange, pair.A.Name, pair.B.Name}, Agreement: file, Data: e.data, RecordLimit: 8 << 20,
		Deadline: 20 * time.Second, Slots: 16, SenderCodes: "off", Sides: sides}
	if s.config != nil {
		s.config(&config)
	}
	e.data = config.Data
	options := bridge.NoFloor(bridge.Options{Log: zap.New(core), Version: "0.0.1", Observe: func(o bridge.Outcome) { e.outcomes <- o }})
	if s.options != nil {
		options = s.options(options)
	}
	e.Bridge, err = bridge.Start(t.Context(), config, options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Stop(context.Background())) })
	return e
}

// agreement is one in which both sides share everything and every claim comes
// from where it naturally does.
func agreement(pair pairs.Pair) governance.Agreement {
	asked := func(value string) governance.Claim {
		return governance.Claim{From: []string{"wire"}, Asserted: &governance.Assertion{Value: value, Procedure: "asked at the point of care"}}
	}
	claims := func() map[string]governance.Claim {
		return map[string]governance.Claim{"activities": asked("B0360"), "purpose": asked("direct care"), "consent": asked("patient-present"), "relationship": asked("registered"),
			"break_glass": {From: []string{"wire"}}}
	}
	emis, tpp := claims(), claims()
	tpp["user"] = governance.Claim{From: []string{"wire", "read-back"}}
	tpp["user_name"], tpp["role"] = tpp["user"], tpp["user"]
	return governance.Agreement{Economy: "test", Pair: pair.Name, Enabled: map[string]string{pair.A.Name: "A", pair.B.Name: "B"},
		Sides: map[string]governance.Side{
			"emisweb":  {Organisations: []governance.Organisation{{ODS: "X99001", Name: "Causeway Medical Centre"}}, Asks: true, Shares: []string{"all"}, ReleaseMarks: []string{"Unrestricted"}, Claims: emis},
			"systmone": {Organisations: []governance.Organisation{{ODS: "X99002", Name: "Harbour Lights Surgery"}}, Asks: true, Shares: []string{"all"}, ReleaseMarks: []string{}, Claims: tpp},
		}}
}

// ask sends a native request on a system's own wire, as that system would, and
// returns the native answer.
func (e *economy) ask(from string, native []byte) []byte {
	e.t.Helper()
	client := wire.NewClient(e.systems[from].Wire, e.Address(from), wire.ClientOptions{ThrottleDisabled: true, Limit: 64 << 20})
	defer client.Close()
	answer, err := client.Do(e.t.Context(), fresh(native), nil)
	require.NoError(e.t, err)
	return answer
}

var messageID = regexp.MustCompile(`7d1c2b90-0c1e-4f6a-9a11-[0-9a-f]{12}|<RequestUID>[^<]*</RequestUID>`)

// fresh gives a request ids of its own, as every system does: the synthetic ones
// would be taken once.
func fresh(native []byte) []byte {
	id := uuid.NewString()
	return messageID.ReplaceAllFunc(native, func(old []byte) []byte {
		if bytes.HasPrefix(old, []byte("<")) {
			return []byte("<RequestUID>" + id + "</RequestUID>")
		}
		return []byte(id)
	})
}

// audited is the first and the last audit record of an exchange.
func (e *economy) audited() (first, last audit.Entry) {
	e.t.Helper()
	_, err := audit.Read(filepath.Join(e.data, "audit"), "one", func(_ audit.Receipt, entry audit.Entry) error {
		if entry.Exchange == "" {
			return nil
		}
		if first.Event == "" {
			first = entry
		}
		last = entry
		return nil
	})
	require.NoError(e.t, err)
	return first, last
}

// request reads a synthetic native request.
func request(t testing.TB, name string) []byte {
	t.Helper()
	native, err := testdata.Requests.ReadFile("requests/" + name)
	require.NoError(t, err)
	return native
}

// askings are one request of each system.
var askings = map[string]string{"emisweb": "emisweb-full.xml", "systmone": "systmone-narrow.xml"}

// holder is the system opposite.
func holder(from string) string {
	if from == "emisweb" {
		return "systmone"
	}
	return "emisweb"
}

// refusedNatively fails unless answer is an error in the asker's own form that
// holds nothing of a record.
func refusedNatively(t *testing.T, from string, answer []byte) {
	t.Helper()
	text := string(answer)
	switch from {
	case "emisweb":
		require.True(t, strings.Contains(text, "Fault>") || strings.Contains(text, "MessagingError>"), "no native refusal: %.200s", text)
	case "systmone":
		require.Contains(t, text, "<ErrorMessage>")
		require.Contains(t, text, "<PermanentError>")
	}
	for _, word := range []string{"Quillfeather", "<Clinical>", "<EventList>", "<Registration>", "healthDomain"} {
		require.NotContains(t, text, word)
	}
}

// loggedOnce fails unless the refusals of one exchange stand in one log line,
// and nothing of a patient stands in any.
func (e *economy) loggedOnce() {
	e.t.Helper()
	refusals := 0
	for _, entry := range e.logs.All() {
		if entry.Level >= zapcore.WarnLevel && entry.Message != "plaintext" { // said at the start
			refusals++
		}
		var line bytes.Buffer
		require.NoError(e.t, json.NewEncoder(&line).Encode(entry.ContextMap()))
		for _, word := range []string{"9998193036", "Quillfeather", "quillfeather", "Nora"} {
			require.NotContains(e.t, entry.Message+line.String(), word)
		}
	}
	require.Equal(e.t, 1, refusals, "log lines of one refusal")
}

// stand makes a stand-in that serves the synthetic patients.
func stand(t testing.TB, name string, o standin.Options) *standin.Standin {
	t.Helper()
	patients, err := fs.Sub(testdata.Patients, "patients")
	require.NoError(t, err)
	s, err := standin.New(name, patients, o)
	require.NoError(t, err)
	return s
}

// overheard is the last message a handler was asked.
type overheard struct{ last atomic.Pointer[[]byte] }

func (h *overheard) recording(next wire.Handler) wire.Handler {
	return func(ctx context.Context, message []byte, from wire.Peer) []byte {
		message = bytes.Clone(message)
		h.last.Store(&message)
		return next(ctx, message, from)
	}
}

// message is the last one, nil where there was none.
func (h *overheard) message() []byte {
	if last := h.last.Load(); last != nil {
		return *last
	}
	return nil
}
