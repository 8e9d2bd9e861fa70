package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/linkspan/linkspan/bridge/secret"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// enroller is a codec whose system takes a device on before it answers it.
type enroller interface {
	EncodeDeviceRequest(id system.MessageID) ([]byte, error)
	DecodeDevice(ctx context.Context, msg []byte, id system.MessageID) (string, error)
}

type enrolCommand struct {
	envFile
	System  string        `arg:"" help:"The system that takes this machine on: systmone."`
	Address string        `help:"Address of the system's own interface; default LINKSPAN_<SYSTEM>_ADDRESS, or the system's usual one." placeholder:"HOST:PORT"`
	Wait    time.Duration `default:"5m" help:"Longest to wait for the person at the desktop."`
	Again   bool          `help:"Ask for a new id although there is one."`
}

// Help says what happens.
func (enrolCommand) Help() string {
	return "Run it on the desktop where the system's client is logged on, with api-key:KEY in the file of " +
		"LINKSPAN_<SYSTEM>_SETTINGS_FILE. The client asks the person there to allow this device; the id it then gives is " +
		"added to that file. It is never shown whole."
}

const deviceSetting = "device-id"

// Run asks, waits for the decision and keeps the id.
func (c enrolCommand) Run(ctx context.Context, to streams) error {
	if err := c.set(); err != nil {
		return err
	}
	var end *system.System
	for _, s := range pairs.Systems() {
		if s.Name == c.System {
			end = &s
		}
	}
	if end == nil {
		return usageError{fmt.Errorf("enrol: no system %q", c.System)}
	}
	prefix := "LINKSPAN_" + strings.ToUpper(end.Name)
	address := cmp.Or(c.Address, os.Getenv(prefix+"_ADDRESS"), end.Wire.Address)
	if !loopback(address) {
		return fmt.Errorf("enrol: %s is not on this machine: run it on the desktop where %s is logged on", address, end.Title)
	}
	kept, err := openSettings(os.Getenv(prefix+"_SETTINGS_FILE"), prefix)
	if err != nil {
		return err
	}
	if kept.values[deviceSetting] != "" && !c.Again {
		return fmt.Errorf("enrol: %s has a %s already; --again asks for a new one", kept.file, deviceSetting)
	}
	codec, err := end.New(system.Options{Settings: kept.values})
	if err != nil {
		return err
	}
	asking, ok := codec.(enroller)
	if !ok {
		return usageError{fmt.Errorf("enrol: %s takes no device on", end.Title)}
	}
	fmt.Fprintf(to.out, "Asking %s at %s. Allow this device in the dialog on the desktop.\n", end.Title, address)
	device, err := c.ask(ctx, *end, asking, address)
	if err != nil {
		return enrolFault(end.Title, err)
	}
	if err := kept.keep(device); err != nil {
		return fmt.Errorf("enrol: the device was taken on, but its id could not be kept; ask again with --again: %w", err)
	}
	_, err = fmt.Fprintf(to.out, "Taken on. The id, which ends in %s, is in %s.\n", device[len(device)-4:], kept.file)
	return err
}

func (c enrolCommand) ask(ctx context.Context, end system.System, codec enroller, address string) (string, error) {
	id := system.MessageID{ID: uuid.NewString(), At: time.Now()}
	request, err := codec.EncodeDeviceRequest(id)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	client := wire.NewClient(end.Wire, address, wire.ClientOptions{Limit: 1 << 20, ProgressTimeout: c.Wait, Timeout: c.Wait})
	defer client.Close()
	answer, err := client.Do(ctx, request, nil)
	if err != nil {
		return "", err
	}
	return codec.DecodeDevice(ctx, answer, id)
}

// enrolFault says what to do about a refusal.
func enrolFault(title string, err error) error {
	remedy := map[record.Reason]string{
		record.ReasonUnavailable: title + "'s client does not answer here: log on, and enable its integration interface",
		record.ReasonTimeout:     "nobody has decided: see whether the dialog is open on the desktop, and run this again",
		record.ReasonBusy:        "not now: run this again in a minute",
		record.ReasonRefused:     "refused: the administrator of " + title + " unblocks the device, or the api-key is not this product's",
	}[record.ReasonOf(err)]
	if remedy == "" {
		return fmt.Errorf("enrol: %w", err)
	}
	return fmt.Errorf("enrol: %s\n(%w)", remedy, err)
}

// loopback reports an address of this machine alone: the interface is plain
// text, and the request carries the api-key (S §1.1).
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// settingsFile is a file of name:value lines as the daemon reads it.
type settingsFile struct {
	file, text string
	values     map[string]string // with those of the variable beside it
}

func openSettings(file, prefix string) (settingsFile, error) {
	if file == "" {
		return settingsFile{}, fmt.Errorf("enrol: %s_SETTINGS_FILE is not set: it names the file with the api-key, where the id is kept", prefix)
	}
	values := map[string]string{}
	for _, one := range strings.Split(os.Getenv(prefix+"_SETTINGS"), ",") {
		if name, value, ok := settingOf(one); ok {
			values[name] = value
		}
	}
	if _, there := values[deviceSetting]; there {
		return settingsFile{}, fmt.Errorf("enrol: %s_SETTINGS has a %s; it belongs into %s alone", prefix, deviceSetting, file)
	}
	text, err := secret.Read(file)
	if err != nil {
		return settingsFile{}, fmt.Errorf("enrol: %w", err)
	}
	s := settingsFile{file: file, text: string(text), values: values}
	for line := range strings.Lines(s.text) {
		if name, value, ok := settingOf(line); ok {
			s.values[name] = value
		}
	}
	if s.values["api-key"] == "" {
		return settingsFile{}, fmt.Errorf("enrol: %s has no line api-key:KEY", file)
	}
	return s, nil
}

func settingOf(line string) (name, value string, ok bool) {
	if line = strings.TrimSpace(line); strings.HasPrefix(line, "#") {
		return "", "", false
	}
	name, value, ok = strings.Cut(line, ":")
	return strings.TrimSpace(name), strings.TrimSpace(value), ok
}

// with is the text with the id in the place of the one before, or at its end;
// all else is as it was.
func (s settingsFile) with(device string) string {
	var text strings.Builder
	for line := range strings.Lines(s.text) {
		if name, _, ok := settingOf(line); !ok || name != deviceSetting {
			text.WriteString(strings.TrimRight(line, "\r\n") + "\n")
		}
	}
	return text.String() + deviceSetting + ":" + device + "\n"
}

// keep writes the file anew, readable by its owner only, and puts it in the
// place of the old one: whoever reads it finds either.
func (s settingsFile) keep(device string) error {
	place, err := filepath.EvalSymlinks(s.file)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(place), ".enrol-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone once it is renamed
	_, written := f.WriteString(s.with(device))
	if err := errors.Join(written, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), place)
}
