package natsd

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
)

// Leaf is a hub of operations that the embedded server reaches out to as a leaf
// node, so that no port is opened for it. The hub sees and asks what OPS does,
// in an account of its own: its users meet no client of the operations listener,
// and neither can forge an event for the other. What the hub publishes on any
// other subject finds nobody.
type Leaf struct {
	// URLs is a comma-separated list of servers of one hub, e.g.
	// "tls://hub:7422", where a user and password may stand. Servers that the hub
	// tells of and that are not in it are not used.
	URLs string
	// Economy is the one whose subjects the hub is shown and may ask. Required: a
	// hub's permissions name it, and NATS does not find every part of a wildcard.
	Economy string
	// Credentials is the path of a .creds file, read anew for each connection.
	Credentials string
	// TLS is required unless AllowPlaintext is set: with the own certificate and
	// what is checked of the hub's. The server keeps it, so a further authority
	// wants a start; what its functions look at may change.
	TLS *tls.Config
	// AllowPlaintext is for a hub on this machine and tests.
	AllowPlaintext bool
	// Never are subjects that cross to the hub in neither direction, whatever the
	// accounts say: a second lock on what the first does not open.
	Never []string
}

// leafSchemes are those of an address of a hub; a leaf node over a websocket
// would be another matter.
var leafSchemes = []string{"nats", "tls"}

var token = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// ownServices are what the server answers in every account by itself. Asked at
// the hub, they are questions to the hub.
var ownServices = []string{"$SYS.REQ.USER.INFO", "$SYS.REQ.ACCOUNT.>", "$SYS.REQ.SERVER.PING.CONNZ"}

// check refuses settings that would have no connection at all, or one that is
// not secured.
func (l *Leaf) check() error {
	if err := (External{URLs: l.URLs, TLS: l.TLS, AllowPlaintext: l.AllowPlaintext}).secured(); err != nil {
		return fmt.Errorf("natsd: hub: %w", err)
	}
	if !token.MatchString(l.Economy) {
		return errors.New("natsd: hub: the economy is no token of a subject")
	}
	named := false
	for _, u := range l.addresses() {
		if !slices.Contains(leafSchemes, u.Scheme) {
			return errors.New("natsd: hub: an address is neither nats:// nor tls://")
		}
		named = named || u.User != nil
	}
	if l.Credentials == "" {
		return nil
	}
	if named {
		return errors.New("natsd: hub: both credentials and a user are set")
	}
	return CheckCredentials(l.Credentials)
}

// CheckCredentials reports what makes a file no credentials of a NATS user. The
// embedded server would log as much and go on without a hub.
func CheckCredentials(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("natsd: credentials: %w", err)
	}
	token, err := jwt.ParseDecoratedJWT(text)
	if err == nil {
		_, err = jwt.DecodeUserClaims(token)
	}
	if err == nil {
		_, err = jwt.ParseDecoratedUserNKey(text)
	}
	if err != nil { // whose words may repeat the file's
		return fmt.Errorf("natsd: credentials: %s holds no token and seed of a user", file)
	}
	return nil
}

// addresses are the URLs, which secured has read before.
func (l *Leaf) addresses() []*url.URL { return Addresses(l.URLs) }

// Addresses are those of a comma-separated list of servers that can be read.
func Addresses(urls string) []*url.URL {
	var all []*url.URL
	for one := range strings.SplitSeq(urls, ",") {
		one = strings.TrimSpace(one)
		if !strings.Contains(one, "://") {
			one = "nats://" + one
		}
		if u, err := url.Parse(one); err == nil {
			all = append(all, u)
		}
	}
	return all
}

// remote is made anew for every start, as all options are.
func (l *Leaf) remote() *server.RemoteLeafOpts {
	r := &server.RemoteLeafOpts{
		LocalAccount: accountHub, URLs: l.addresses(), Credentials: l.Credentials,
		IgnoreDiscoveredServers: true, // those that are trusted are those that were configured
		RequestIsolation:        true, // what other leaves of the hub ask for is nothing to us
		// Nothing is heard in HUB, so forged events need no denial; to deny them would
		// keep the hub from hearing ours.
		DenyImports: slices.Concat(ownServices, l.Never),
		DenyExports: slices.Concat(services, serverServices, l.Never),
	}
	if l.TLS != nil {
		r.TLS, r.TLSConfig, r.TLSTimeout = true, l.TLS, tlsWait.Seconds()
	}
	return r
}

// AtHub reports that the server has a connection to the hub now, which for a
// moment one has that the hub is about to refuse, too.
func (s *Server) AtHub() bool { return s.current.Load().NumLeafNodes() > 0 }

// How often the same fault of a connection to a hub is told, and how many faults
// are told apart.
const (
	repeatAfter = 10 * time.Minute
	repeatsKept = 64
)

// repeats are the faults of a leaf that were told of, by their text without its
// numbers, which differ from one connection to the next.
type repeats struct {
	mu   sync.Mutex
	told map[string]time.Time
}

var digits = regexp.MustCompile(`[0-9]+`)

// worth reports that a line of the log is not of a leaf, or was not told within
// repeatAfter.
func (r *repeats) worth(line string, now time.Time) bool {
	if !strings.Contains(strings.ToLower(line), "leafnode") {
		return true
	}
	key := digits.ReplaceAllString(line, "")
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, ok := r.told[key]; ok && now.Sub(last) < repeatAfter {
		return false
	}
	if len(r.told) >= repeatsKept || r.told == nil {
		r.told = map[string]time.Time{}
	}
	r.told[key] = now
	return true
}
