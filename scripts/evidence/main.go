// Evidence checks the hazard log and the threat model of docs/safety against
// the tree, plants each row's fault and shows that its test fails, writes the
// readable pages, and makes the bundle of evidence of a release.
//
//	go run ./scripts/evidence check
//	go run ./scripts/evidence faults [H-01 T-05 ...]
//	go run ./scripts/evidence pages
//	go run ./scripts/evidence bundle [folder]
//	go run ./scripts/evidence sbom FILE
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "evidence:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("one of check, faults, pages, bundle, sbom")
	}
	if args[0] == "sbom" && len(args) == 2 {
		return printSBOM(args[1], os.Stdout)
	}
	root, err := top()
	if err != nil {
		return err
	}
	e, err := read(root)
	if err != nil {
		return err
	}
	if faults := check(root, e); len(faults) > 0 && args[0] != "faults" {
		return fmt.Errorf("%d faults\n%s", len(faults), strings.Join(faults, "\n"))
	}
	switch args[0] {
	case "check":
		fmt.Printf("hazards %d of %d, threats %d of %d have a control, a test that exists and a rating\n",
			len(e.Hazards.Rows), hazardRows, len(e.Threats.Rows), threatRows)
		return nil
	case "faults":
		return faults(ctx, root, e, args[1:], os.Stdout)
	case "pages":
		return writePages(root, e)
	case "bundle":
		folder := filepath.Join(root, "dist", "evidence")
		if len(args) > 1 {
			folder = args[1]
		}
		return bundle(ctx, root, e, folder, os.Stdout)
	}
	return fmt.Errorf("unknown command %q", args[0])
}

// top is the folder of go.mod, from here upwards.
func top() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod here or above")
		}
		dir = filepath.Dir(dir)
	}
}
