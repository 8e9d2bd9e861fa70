package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
)

// bom is a CycloneDX 1.5 document with the fields it needs here: what is
// linked into the binary, by module, version and the checksum of go.sum.
type bom struct {
	Format     string      `json:"bomFormat"`
	Spec       string      `json:"specVersion"`
	Version    int         `json:"version"`
	Metadata   metadata    `json:"metadata"`
	Components []component `json:"components"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	PURL       string     `json:"purl"`
	Hashes     []hash     `json:"hashes,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// sbom reads the modules from the binary itself, so that it lists what is
// linked and nothing else.
func sbom(binary []byte) (bom, error) {
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		return bom{}, err
	}
	product := module(&info.Main)
	product.Type, product.Hashes = "application", []hash{{"SHA-256", sum(binary)}}
	b := bom{Format: "CycloneDX", Spec: "1.5", Version: 1, Metadata: metadata{product}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		b.Components = append(b.Components, module(m))
	}
	version := strings.TrimPrefix(info.GoVersion, "go")
	b.Components = append(b.Components, component{Type: "library", Ref: "pkg:golang/std@" + version, Name: "std", Version: version, PURL: "pkg:golang/std@" + version})
	slices.SortFunc(b.Components, func(x, y component) int { return strings.Compare(x.Ref, y.Ref) })
	return b, nil
}

// printSBOM writes what is linked into the binary of a file.
func printSBOM(file string, out io.Writer) error {
	binary, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	b, err := sbom(binary)
	if err != nil {
		return err
	}
	lines := json.NewEncoder(out)
	lines.SetIndent("", "  ")
	return lines.Encode(b)
}

func module(m *debug.Module) component {
	url := "pkg:golang/" + m.Path
	version := m.Version
	if version == "(devel)" {
		version = ""
	}
	if version != "" {
		url += "@" + version
	}
	c := component{Type: "library", Ref: url, Name: m.Path, Version: version, PURL: url}
	if m.Sum != "" {
		c.Properties = []property{{"go:h1", m.Sum}}
	}
	return c
}
