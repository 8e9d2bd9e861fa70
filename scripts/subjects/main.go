// Subjects writes docs/subjects.md, the page of every NATS subject of a link,
// from the catalogue in package bridge and the doc comments of the types it
// names. Its test fails where the page is not what the code says.
//
//	go run ./scripts/subjects
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// page is the file that is written, from the top of the repository.
const page = "docs/subjects.md"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "subjects:", err)
		os.Exit(1)
	}
}

func run() error {
	root, err := top()
	if err != nil {
		return err
	}
	text, err := write(root)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, page), text, 0o644)
}

// top is the folder of go.mod, upwards from here.
func top() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod here or above")
		}
		dir = up
	}
}
