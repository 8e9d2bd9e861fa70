package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/bridge/audit"
)

// held is what there is to prove one instance's log by.
type held struct {
	audit.Evidence
	key    string // where the key came from
	away   int    // pieces that were not kept beside the log
	beside error  // of the checkpoint beside the log
}

// evidence gathers what is kept of a log, beside it and elsewhere: checkpoints
// are files that were given, key one that was, or the file of one.
func (p auditPlace) evidence(name string, witnesses []audit.Receipt, checkpoints []string, key string) (held, error) {
	h := held{Evidence: audit.Evidence{Witnesses: witnesses}, away: len(witnesses)}
	key, from, err := p.verifier(name, key)
	if err != nil {
		return h, err
	}
	h.key = from
	var places []string
	given := 0
	if p.Checkpoints != "" {
		places = append(places, p.Checkpoints)
	}
	for _, file := range checkpoints {
		instance, err := checkpointOf(file)
		if err != nil {
			return h, err
		}
		if instance == name {
			places = append(places, file)
			given++
		}
	}
	if key == "" && given > 0 {
		return h, errors.New("audit: want --key, the verifier key, to prove the checkpoint that was kept")
	}
	if key == "" {
		return h, nil
	}
	for _, place := range places {
		e, err := audit.ReadEvidence(place, name, key)
		if err != nil {
			return h, err
		}
		h.Checkpoints, h.Copies = append(h.Checkpoints, e.Checkpoints...), append(h.Copies, e.Copies...)
		h.away += len(e.Checkpoints)
	}
	own, err := audit.ReadEvidence(p.dir(), name, key)
	h.Beside, h.Copies, h.beside = own.Checkpoints, append(h.Copies, own.Copies...), err
	return h, nil
}

// checkpointOf is the instance that a file of checkpoints says it is of.
func checkpointOf(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("audit: checkpoint: %w", err)
	}
	instance := audit.InstanceOf(string(text))
	if instance == "" {
		return "", usageError{fmt.Errorf("audit: %s is not the checkpoint of an audit log", filepath.Base(file))}
	}
	return instance, nil
}

// known are the instances of whose logs anything is kept, beside them or
// elsewhere.
func (p auditPlace) known() []string {
	var names []string
	for _, dir := range []string{p.dir(), p.Checkpoints} {
		files, _ := filepath.Glob(filepath.Join(dir, "*.checkpoint")) // the pattern is well-formed
		for _, file := range files {
			if dir != "" {
				names = append(names, strings.TrimSuffix(filepath.Base(file), ".checkpoint"))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// verifier is the key that proves an instance's checkpoints: as given, else from
// the directory of checkpoints, else from beside the log. What is given may be
// of several instances, one key on a line as linkspan audit key prints them.
func (p auditPlace) verifier(instance, given string) (key, from string, err error) {
	if text, err := os.ReadFile(given); given != "" && err == nil {
		given = string(text)
	}
	for _, line := range strings.Fields(given) {
		of, err := audit.InstanceOfKey(line)
		if err != nil {
			return "", "", usageError{errors.New("audit: --key wants a verifier key, as linkspan audit key prints it, or the file of one")}
		}
		if of == instance {
			return line, "given", nil
		}
	}
	if p.Checkpoints != "" {
		text, err := os.ReadFile(filepath.Join(p.Checkpoints, instance+".vkey"))
		if err == nil {
			return strings.TrimSpace(string(text)), "kept with the checkpoints", nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", "", fmt.Errorf("audit: %w", err)
		}
	}
	if _, err := os.Stat(p.keyFile(instance)); err != nil {
		return "", "", nil
	}
	own, err := audit.LoadSigningKey(p.keyFile(instance), instance)
	if err != nil {
		return "", "", nil // another instance's: this one's is not here
	}
	return own.Verifier(), "beside the log", nil
}
