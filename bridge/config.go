package bridge

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kelseyhightower/envconfig"

	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/xmlio"
)

// Config is the daemon's whole configuration, read from LINKSPAN_* variables.
// Settings of one system have its name in theirs: LINKSPAN_SYSTMONE_LISTEN.
type Config struct {
	Economy     string   `required:"true" desc:"name of the health economy; one NATS token"`
	Pair        string   `required:"true" desc:"the two systems linked, e.g. emisweb-systmone"`
	Environment string   `default:"live" desc:"test or live; starter tables load only in test, 999 numbers only in test"`
	Roles       []string `desc:"exchange and the two edges by system name; default all three"`
	Instance    string   `desc:"stable name of this instance; default the host name"`
	Agreement   string   `required:"true" desc:"file of the sharing agreement"`
	Data        string   `required:"true" desc:"directory for the audit log and the work list of codes"`
	Checkpoints string   `desc:"folder, best on another machine's disk, where every signed checkpoint of the audit log is kept besides; default none"`
	Tables      string   `desc:"folder of mapping tables; the set that 'linkspan tables activate' made active there is used; default the starter tables alone, in test only"`
	TablesFrom  string   `split_words:"true" default:"directory" desc:"directory or nats: what says which set is active, the folder itself or the pointer that 'linkspan tables push' moves for all instances"`
	TableSets   int      `split_words:"true" default:"5" desc:"sets kept in the folder, to go back to"`

	Dictionaries    []string      `desc:"files or folders of the site's dictionaries, by which tables are judged when they are loaded; not kept in memory"`
	LinkKey         string        `split_words:"true" desc:"file with the link's 32-byte key, hex or base64; required when roles are apart"`
	PatientKey      string        `split_words:"true" desc:"file with the 32-byte key of patient references in the audit; default made in the data directory"`
	NATS            NATSConfig    `desc:"the servers the roles talk by"`
	OpsUser         string        `split_words:"true" default:"operations" desc:"user of the operations listener"`
	OpsPassword     string        `split_words:"true" desc:"password of the operations listener, in test only: the environment can be read by others"`
	OpsPasswordFile string        `split_words:"true" desc:"file with the password of the operations listener; required with NATS_LISTEN"`
	Console         ConsoleConfig `desc:"the operations page"`
	RecordLimit     int           `split_words:"true" default:"8388608" desc:"largest message carried, in bytes"`
	Deadline        time.Duration `default:"30s" desc:"longest an asker waits"`
	Slots           int           `default:"64" desc:"exchanges at once; one more is answered busy"`
	SenderCodes     string        `split_words:"true" desc:"on or off: carry codes the sender placed beside its own; default on in test, off in live"`
	LogLevel        string        `split_words:"true" default:"info" desc:"debug, info, warn or error"`
	XML             XMLConfig     `desc:"limits of the XML reader"`

	// Sides has the settings of each of the pair's systems.
	Sides map[string]SideConfig `ignored:"true"`
}

// NATSConfig says which NATS servers the roles talk by. It is a structure of
// its own because a field named in a tag would also be read from the bare
// variable, NATS_URL, which other programs set.
type NATSConfig struct {
	URL         string   `desc:"existing NATS servers; default an embedded one"`
	Credentials string   `desc:"credentials file for the existing servers"`
	Listen      string   `desc:"loopback address where the embedded server lets operations listen; default none"`
	Plaintext   bool     `desc:"existing servers, or the hub, without TLS; in live on loopback addresses only"`
	Cert        string   `desc:"own PEM certificate, with its intermediates, towards the existing servers or the hub, or of the operations listener"`
	Key         string   `desc:"PEM key of the certificate, readable by its owner only"`
	CA          string   `desc:"PEM file of the authorities the other end's certificate must come from; the machine's own are never used"`
	Names       []string `desc:"names of which the other end's certificate must have one"`
	Pins        string   `desc:"file of the other end's public keys, SHA-256 of each on a line: the one in use and the next"`
	CRL         []string `desc:"revocation lists, one of every authority"`

	Leaf            string `desc:"servers of a hub of operations that the embedded server reaches out to as a leaf node, such as tls://hub:7422; default none"`
	LeafCredentials string `split_words:"true" desc:"credentials file for the hub"`
}

// ConsoleConfig is the operations page. A listener that other machines can reach
// wants TLS, and a token or a client certificate.
type ConsoleConfig struct {
	Listen    string   `default:"127.0.0.1:7787" desc:"address of the operations page and of the metrics; off for none"`
	TokenFile string   `split_words:"true" desc:"file with the token that opens the page; on an address other machines can reach this or CA is required"`
	Cert      string   `desc:"PEM certificate, with its intermediates, of the page"`
	Key       string   `desc:"PEM key of the certificate, readable by its owner only"`
	CA        string   `desc:"PEM file of the authorities that browsers' own certificates must come from"`
	Names     []string `desc:"names of which a browser's certificate must have one"`
	Pins      string   `desc:"file of the browsers' public keys, SHA-256 of each on a line"`
	CRL       []string `desc:"revocation lists, one of every authority"`
}

// XMLConfig are the limits of the guarded reader beside the record limit
// (safety §2.6). Zero is the reader's default.
type XMLConfig struct {
	Depth          int           `default:"64" desc:"deepest nesting of elements"`
	Attributes     int           `default:"64" desc:"attributes of one element"`
	AttributeBytes int           `split_words:"true" default:"65536" desc:"bytes of one attribute value"`
	TextBytes      int           `split_words:"true" default:"4194304" desc:"bytes of one text"`
	Elements       int           `default:"500000" desc:"elements of one message"`
	NameBytes      int           `split_words:"true" default:"256" desc:"bytes of one name"`
	ReadTime       time.Duration `split_words:"true" default:"10s" desc:"longest the reading of one message may take"`
}

// SideConfig is what one system's edge needs.
type SideConfig struct {
	Listen          string            `desc:"address where the system's requests are taken; default none"`
	Address         string            `desc:"address of the system's own interface; required for its edge"`
	Settings        map[string]string `desc:"the codec's settings, name:value,name:value; see the system's README"`
	SettingsFile    string            `split_words:"true" desc:"file of further settings, name:value on each line, readable by its owner only: keys and passwords belong here"`
	Throttle        string            `default:"on" desc:"the documented rate limits; others as NAME=EVENTS/TIME,... such as record=1/10s; off for stand-ins only"`
	Probe           time.Duration     `default:"1s" desc:"time between looks whether the system's interface takes connections, while nothing is asked of it; 0 for none"`
	Slow            time.Duration     `default:"5s" desc:"an answer later than this is called slow"`
	Queue           int               `default:"16" desc:"messages that may wait for the throttle; one more is answered busy"`
	Calls           int               `default:"4" desc:"calls made at once for one request, of a system that answers one in several"`
	Breaker         string            `default:"5/10s" desc:"FAILURES/TIME: after so many in a row the system is not asked for that time; off for never"`
	Retries         int               `default:"1" desc:"how often a read that the system did not take is tried again, in the time the asker waits"`
	Signer          string            `desc:"PEM file with key and certificate that sign outgoing messages"`
	Trusted         string            `desc:"PEM file of the certificates incoming signatures must chain to"`
	Connections     int               `default:"64" desc:"connections of the listener served at once"`
	PeerConnections int               `split_words:"true" desc:"how many of them one address may have, such as that of a proxy in front of all askers; default two thirds"`
	Plaintext       []string          `desc:"listen, address: where this wire is without TLS; in live on loopback addresses only"`
	Cert            string            `desc:"own PEM certificate, with its intermediates, of the listener and towards the system"`
	Key             string            `desc:"PEM key of the certificate, readable by its owner only"`
	CA              string            `desc:"PEM file of the authorities the system's certificates must come from; the machine's own are never used"`
	Names           []string          `desc:"names of which the system's certificate must have one"`
	Pins            string            `desc:"file of the system's public keys, SHA-256 of each on a line: those in use and the next"`
	CRL             []string          `desc:"revocation lists, one of every authority"`
}

// Environments.
const (
	EnvironmentTest = "test"
	EnvironmentLive = "live"
)

// What says which set of tables is active.
const (
	TablesFromDirectory = "directory"
	TablesFromNATS      = "nats"
)

const prefix = "LINKSPAN"

var token = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// ReadConfig reads the environment. Every fault is reported at once, and so is
// every LINKSPAN_ variable it does not know.
func ReadConfig() (Config, error) {
	var c Config
	var faults []error
	faults = append(faults, process(prefix, &c)...)
	c.Sides = map[string]SideConfig{}
	known := knownVariables(&c, prefix)
	for _, s := range pairs.Systems() {
		var side SideConfig
		own := prefix + "_" + strings.ToUpper(s.Name)
		faults = append(faults, process(own, &side)...)
		c.Sides[s.Name] = side
		maps.Copy(known, knownVariables(&side, own))
	}
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, prefix+"_") && !known[name] {
			faults = append(faults, fmt.Errorf("%s is not a setting", name))
		}
	}
	c.defaults()
	faults = append(faults, c.check()...)
	return c, errors.Join(faults...)
}

// process fills spec field by field, because envconfig.Process stops at the
// first fault and leaves the rest without their defaults.
func process(prefix string, spec any) []error {
	var faults []error
	all := reflect.ValueOf(spec).Elem()
	for i := range all.NumField() {
		one := reflect.New(reflect.StructOf([]reflect.StructField{all.Type().Field(i)}))
		err := envconfig.Process(prefix, one.Interface())
		var unread *envconfig.ParseError
		if errors.As(err, &unread) { // whose own words repeat the value, which may be a key
			err = fmt.Errorf("%s: want a value of type %s", unread.KeyName, unread.TypeName)
		}
		if field := all.Type().Field(i); err != nil && unread == nil && field.Tag.Get("required") != "" {
			err = fmt.Errorf("%s_%s: required: %s", prefix, strings.ToUpper(field.Name), field.Tag.Get("desc"))
		}
		if err != nil {
			faults = append(faults, err)
		}
		all.Field(i).Set(one.Elem().Field(0))
	}
	return faults
}

func (c *Config) defaults() {
	if c.Instance == "" {
		c.Instance, _ = os.Hostname()
	}
	if p, err := pairs.Find(c.Pair); err == nil && len(c.Roles) == 0 {
		c.Roles = []string{RoleExchange, p.A.Name, p.B.Name}
	}
	if c.SenderCodes == "" {
		c.SenderCodes = "off"
		if c.Environment == EnvironmentTest {
			c.SenderCodes = "on"
		}
	}
}

// RoleExchange is the role that translates; the two others are named by
// system.
const RoleExchange = "exchange"

func (c *Config) check() []error {
	var faults []error
	fault := func(format string, a ...any) { faults = append(faults, fmt.Errorf(format, a...)) }
	if c.Economy != "" && !token.MatchString(c.Economy) {
		fault("LINKSPAN_ECONOMY: want letters, digits, - and _")
	}
	if !token.MatchString(c.Instance) {
		fault("LINKSPAN_INSTANCE: want letters, digits, - and _")
	}
	if c.Environment != EnvironmentTest && c.Environment != EnvironmentLive {
		fault("LINKSPAN_ENVIRONMENT: want test or live")
	}
	if c.SenderCodes != "on" && c.SenderCodes != "off" {
		fault("LINKSPAN_SENDER_CODES: want on or off")
	}
	if c.RecordLimit < 64<<10 || c.Slots < 1 || c.Deadline <= 0 {
		fault("LINKSPAN_RECORD_LIMIT, LINKSPAN_SLOTS and LINKSPAN_DEADLINE: want at least 65536, 1 and more than 0s")
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel) {
		fault("LINKSPAN_LOG_LEVEL: want debug, info, warn or error")
	}
	if x := c.XML; min(x.Depth, x.Attributes, x.AttributeBytes, x.TextBytes, x.Elements, x.NameBytes) < 0 || x.ReadTime < 0 {
		fault("LINKSPAN_XML_*: want limits of 0, the reader's own default, or more")
	}
	faults = append(faults, c.checkNATS()...)
	faults = append(faults, c.checkLeaf()...)
	faults = append(faults, c.Console.check()...)
	if c.TablesFrom != TablesFromDirectory && c.TablesFrom != TablesFromNATS {
		fault("LINKSPAN_TABLES_FROM: want directory or nats")
	}
	if c.TablesFrom == TablesFromNATS && (c.NATS.URL == "" || c.Tables == "") {
		fault("LINKSPAN_TABLES_FROM: nats wants LINKSPAN_NATS_URL, servers with JetStream, and LINKSPAN_TABLES, the folder this instance keeps its sets in")
	}
	if c.TableSets < 1 {
		fault("LINKSPAN_TABLE_SETS: want at least 1")
	}
	if c.NATS.URL != "" && c.LinkKey == "" {
		fault("LINKSPAN_LINK_KEY: required with LINKSPAN_NATS_URL, so that all roles seal with one key")
	}
	pair, err := pairs.Find(c.Pair)
	if err != nil {
		if c.Pair != "" {
			fault("LINKSPAN_PAIR: %w", err)
		}
		return faults
	}
	for _, role := range c.Roles {
		if role == RoleExchange {
			continue
		}
		if _, err := pair.Other(role); err != nil {
			fault("LINKSPAN_ROLES: %q is neither exchange nor a system of the pair", role)
			continue
		}
		side := c.Sides[role]
		faults = append(faults, side.check(strings.ToUpper(role), c.Environment)...)
		faults = append(faults, side.checkWire(strings.ToUpper(role))...)
		if side.Address == "" {
			fault("LINKSPAN_%s_ADDRESS: required for the edge", strings.ToUpper(role))
		}
		own := pair.A
		if own.Name != role {
			own = pair.B
		}
		if _, err := throttles(own.Wire.Throttle, side.Throttle); err != nil {
			fault("LINKSPAN_%s_THROTTLE: %w", strings.ToUpper(role), err)
		}
		if side.Throttle == "off" && c.Environment == EnvironmentLive {
			fault("LINKSPAN_%s_THROTTLE: off only in test", strings.ToUpper(role))
		}
	}
	return faults
}

// limits are those of the guarded reader.
func (c *Config) limits() xmlio.Limits {
	return xmlio.Limits{Bytes: c.RecordLimit, Depth: c.XML.Depth, Attributes: c.XML.Attributes, AttributeBytes: c.XML.AttributeBytes,
		TextBytes: c.XML.TextBytes, Elements: c.XML.Elements, NameBytes: c.XML.NameBytes}
}

// readTime bounds the reading of one message.
func (c *Config) readTime() time.Duration { return cmp.Or(c.XML.ReadTime, 10*time.Second) }

// throttles are the rate limits of a wire as a site has set them: on is as
// documented, off is none, else NAME=EVENTS/TIME for each that differs.
func throttles(documented []system.Throttle, setting string) ([]system.Throttle, error) {
	switch setting {
	case "on":
		return documented, nil
	case "off":
		return nil, nil
	}
	set := slices.Clone(documented)
	for _, one := range strings.Split(setting, ",") {
		name, rate, _ := strings.Cut(one, "=")
		events, per, _ := strings.Cut(rate, "/")
		n, wrong := strconv.Atoi(events)
		every, bad := time.ParseDuration(per)
		i := slices.IndexFunc(set, func(t system.Throttle) bool { return t.Name == name })
		if wrong != nil || bad != nil || n < 1 || every <= 0 || i < 0 {
			return nil, errors.New("want on, off or NAME=EVENTS/TIME with the name of a documented limit")
		}
		set[i].Events, set[i].Per = n, every
	}
	return set, nil
}

// Has reports whether this process has the role.
func (c *Config) Has(role string) bool { return slices.Contains(c.Roles, role) }

func knownVariables(spec any, prefix string) map[string]bool {
	var b strings.Builder
	known := map[string]bool{}
	if err := envconfig.Usagef(prefix, spec, &b, "{{range .}}{{usage_key .}}\n{{end}}"); err != nil {
		return known
	}
	for line := range strings.Lines(b.String()) {
		known[strings.TrimSpace(line)] = true
	}
	return known
}

// usageLine is one setting: its name, its meaning, and what else there is to
// know, parted by tabs.
const usageLine = "{{range .}}{{usage_key .}}\t{{usage_description .}}{{if usage_required .}} (required){{end}}{{with usage_default .}} (default {{.}}){{end}}\n{{end}}"

// Usage writes all settings with their meanings, those of a system once for all
// systems, in lines of at most 100 characters.
func Usage(w io.Writer) error {
	var systems []string
	for _, s := range pairs.Systems() {
		systems = append(systems, strings.ToUpper(s.Name))
	}
	for _, part := range []struct {
		title, prefix string
		spec          any
	}{{"The link, and the roles of this process:", prefix, &Config{}},
		{"Each system. <SYSTEM> is " + strings.Join(systems, " or ") + ":", prefix + "_<SYSTEM>", &SideConfig{}}} {
		var text strings.Builder
		if err := envconfig.Usagef(part.prefix, part.spec, &text, usageLine); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s\n", part.title); err != nil {
			return err
		}
		for line := range strings.Lines(text.String()) {
			name, meaning, _ := strings.Cut(strings.TrimSpace(line), "\t")
			for i, piece := range wrapped(meaning, usageWidth-usageIndent) {
				if i > 0 {
					name = ""
				}
				if _, err := fmt.Fprintf(w, "%-*s%s\n", usageIndent, name, piece); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// The widths of Usage: the names, and the whole less what run indents it by.
const (
	usageIndent = 36
	usageWidth  = 94
)

// wrapped breaks a text between words.
func wrapped(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
