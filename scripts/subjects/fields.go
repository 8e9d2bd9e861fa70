package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"time"
)

const module = "github.com/linkspan/linkspan/"

// field is one line of a type's table.
type field struct {
	name, kind, meaning string
	optional            bool
}

// fields are those of a struct and of all within it, by their names in JSON.
func (s *types) fields(t reflect.Type, within string, optional bool) ([]field, error) {
	var all []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		if f.Anonymous && name == "" {
			inner, err := s.fields(f.Type, within, optional)
			if err != nil {
				return nil, err
			}
			all = append(all, inner...)
			continue
		}
		if name == "" {
			return nil, fmt.Errorf("%s.%s has no name in JSON", t, f.Name)
		}
		meaning, err := s.about(t, f.Name)
		if err != nil {
			return nil, err
		}
		if meaning == "" {
			meaning = s.word(t.String()+"."+name, name)
		}
		if meaning == "" {
			return nil, fmt.Errorf("%s.%s has no comment, and %q is not among the words", t, f.Name, name)
		}
		own := field{name: within + name, kind: kind(f.Type), meaning: meaning, optional: optional || strings.Contains(options, "omit")}
		all = append(all, own)
		inside, suffix := element(f.Type)
		if inside == nil {
			continue
		}
		inner, err := s.fields(inside, own.name+suffix+".", false)
		if err != nil {
			return nil, err
		}
		all = append(all, inner...)
	}
	return all, nil
}

// word is the first of some keys among the words, and marks it as used.
func (s *types) word(keys ...string) string {
	for _, key := range keys {
		if words[key] != "" {
			s.used[key] = true
			return words[key]
		}
	}
	return ""
}

// element is the struct whose fields stand within a field, nil where there is
// none, and what the name needs to say whose.
func element(t reflect.Type) (inside reflect.Type, suffix string) {
	switch t.Kind() {
	case reflect.Pointer:
		return element(t.Elem())
	case reflect.Slice:
		if inside, suffix = element(t.Elem()); inside != nil {
			return inside, "[]" + suffix
		}
	case reflect.Map:
		if inside, suffix = element(t.Elem()); inside != nil {
			return inside, ".*" + suffix
		}
	case reflect.Struct:
		if t != reflect.TypeFor[time.Time]() {
			return t, ""
		}
	}
	return nil, ""
}

// kind is a type as JSON has it.
func kind(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Time]():
		return "time"
	case reflect.TypeFor[time.Duration]():
		return "nanoseconds"
	case reflect.TypeFor[json.RawMessage]():
		return "object"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return kind(t.Elem())
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "number"
	case reflect.Slice:
		return "list of " + kind(t.Elem())
	case reflect.Map:
		return "map to " + kind(t.Elem())
	case reflect.Struct:
		return "object"
	}
	return "whole number"
}

// about is the comment of a type, or of one of its fields; "" where there is none,
// or where the type is of another module.
func (s *types) about(t reflect.Type, name string) (string, error) {
	dir, ours := strings.CutPrefix(t.PkgPath(), module)
	if !ours {
		return "", nil
	}
	if s.comments[dir] == nil {
		found, err := comments(filepath.Join(s.root, filepath.FromSlash(dir)))
		if err != nil {
			return "", err
		}
		s.comments[dir] = found
	}
	return s.comments[dir][t.Name()+"."+name], nil
}

// comments are those of the types of one folder, by "Type." and "Type.Field". A
// field's own comment above it counts before the one behind it.
func comments(dir string) (map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, declared := range parsed.Decls {
			types, ok := declared.(*ast.GenDecl)
			if !ok || types.Tok != token.TYPE {
				continue
			}
			for _, spec := range types.Specs {
				keep(found, types.Doc, spec.(*ast.TypeSpec))
			}
		}
	}
	return found, nil
}

func keep(found map[string]string, above *ast.CommentGroup, spec *ast.TypeSpec) {
	if spec.Doc != nil {
		above = spec.Doc
	}
	name := spec.Name.Name
	found[name+"."] = flat(above)
	fields, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range fields.Fields.List {
		text := flat(f.Doc)
		if text == "" {
			text = flat(f.Comment)
		}
		for _, one := range f.Names {
			found[name+"."+one.Name] = text
		}
	}
}

func flat(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }
