package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

// version and commit are set when a release is built, by -ldflags -X: a build
// that asked the repository itself would differ from folder to folder.
var (
	version = "0.1.0"
	commit  = "unknown"
)

type versionCommand struct {
	JSON bool `name:"json" help:"As JSON."`
}

// buildFacts say what this binary is made of.
type buildFacts struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	System  string `json:"system"`
	// Modules is the SHA-256 of the lines "path version sum" of all modules that
	// are linked, in order: two binaries of one value are made of the same
	// modules. The SBOM lists them.
	Modules string `json:"modules_sha256"`
}

func factsOfThis() buildFacts {
	facts := buildFacts{Version: version, Commit: commit, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	var lines []string
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		lines = append(lines, fmt.Sprintf("%s %s %s\n", m.Path, m.Version, m.Sum))
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	facts.Modules = hex.EncodeToString(sum[:])
	return facts
}

// Run prints the facts.
func (c versionCommand) Run(to streams) error {
	facts := factsOfThis()
	if c.JSON {
		return json.NewEncoder(to.out).Encode(facts)
	}
	_, err := fmt.Fprintf(to.out, "linkspan %s\ncommit   %s\ngo       %s\nsystem   %s\nmodules  %s\n",
		facts.Version, facts.Commit, facts.Go, facts.System, facts.Modules)
	return err
}
