package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ReadEvidence reads what is kept of an instance's log in a directory of
// checkpoints, or one file of checkpoints, and proves every signature by key. A
// directory that does not exist, or has nothing of the instance, gives none.
func ReadEvidence(path, instance, key string) (Evidence, error) {
	var e Evidence
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return e, nil
	}
	if err != nil {
		return e, fmt.Errorf("audit: evidence: %w", err)
	}
	files := []string{path}
	if info.IsDir() {
		months, err := filepath.Glob(filepath.Join(path, instance+".*.checkpoints"))
		if err != nil {
			return e, fmt.Errorf("audit: evidence: %w", err)
		}
		files = append(months, checkpointFile(path, instance))
		if copied := filepath.Join(path, instance+".hashes"); exists(copied) {
			e.Copies = []string{copied}
		}
	}
	if _, err := ParseCheckpoint("", key); err != nil && errors.Is(err, errKey) {
		return e, err
	}
	seen := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return e, fmt.Errorf("audit: evidence: %w", err)
		}
		for _, one := range notes(string(text), strings.HasSuffix(file, ".checkpoints")) {
			if seen[one] {
				continue
			}
			seen[one] = true
			c, err := ParseCheckpoint(one, key)
			if err != nil {
				return e, fmt.Errorf("%s: %w", filepath.Base(file), err)
			}
			if c.Instance != instance {
				return e, fmt.Errorf("audit: evidence: %s is of instance %s", filepath.Base(file), c.Instance)
			}
			e.Checkpoints = append(e.Checkpoints, c)
		}
	}
	return e, nil
}

// notes takes a file of checkpoints apart. In one that grows each is followed by
// an empty line, and what is not was being written when the machine stopped.
func notes(text string, grows bool) []string {
	var all []string
	for i, one := range strings.Split(text, origin) {
		switch {
		case i == 0 && strings.TrimSpace(one) == "", grows && !strings.HasSuffix(one, "\n\n"):
		case i == 0:
			all = append(all, one) // not a checkpoint: ParseCheckpoint says so
		default:
			all = append(all, origin+strings.TrimRight(one, "\n")+"\n")
		}
	}
	return all
}

// InstanceOf is the instance a text says it is a checkpoint of. Nothing is proven
// by that.
func InstanceOf(text string) string {
	_, rest, _ := strings.Cut(text, origin)
	name, _, _ := strings.Cut(rest, "\n")
	return name
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
