package mapset

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
)

// Pack writes a kept set as one object: a tar of manifest.json, the tables and their notes, in this order and always the
// same bytes for the same folder. It writes what lies there; whoever unpacks it verifies it.
func (f *Folder) Pack(digest string, w io.Writer) error {
	name, err := f.resolve(digest)
	if err != nil {
		return fmt.Errorf("mapset: pack: %w", err)
	}
	dir := f.in(name)
	m, err := readManifest(dir)
	if err != nil {
		return fmt.Errorf("mapset: pack: %w", err)
	}
	if !strings.HasPrefix(m.Digest(), digest) {
		return errors.New("mapset: pack: the manifest does not have the digest of the set")
	}
	l, err := list(dir)
	if err != nil {
		return fmt.Errorf("mapset: pack: %w", err)
	}
	files := append([]string{"manifest.json"}, l.tables...)
	for _, table := range l.tables {
		files = append(files, l.notes[table]...)
	}
	out := tar.NewWriter(w)
	for _, file := range files {
		if err := packFile(out, dir, file); err != nil {
			return fmt.Errorf("mapset: pack: %w", err)
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("mapset: pack: %w", err)
	}
	return nil
}

func packFile(out *tar.Writer, dir, name string) error {
	file, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o400, Size: info.Size()}); err != nil {
		return err
	}
	_, err = io.CopyN(out, file, info.Size())
	return err
}

// Unpack reads a set that Pack wrote, verifies all of it as Load does, its digest first, and keeps it. It does not point
// to it: Point does. What the object says of itself is not trusted: only plain files the manifest lists are taken, each
// with its stated hash, and their notes. An error is of the object or the file system; faults are those of the tables.
func (f *Folder) Unpack(p Policy, digest string, r io.Reader) (Loaded, error) {
	if !hexadecimal(digest, 64) {
		return Loaded{}, errors.New("mapset: unpack: not a digest")
	}
	unlock, err := f.lock()
	if err != nil {
		return Loaded{}, err
	}
	defer unlock()
	dir, err := os.MkdirTemp(f.in(), newPrefix+"*")
	if err != nil {
		return Loaded{}, fmt.Errorf("mapset: unpack: %w", err)
	}
	defer os.RemoveAll(dir)
	m, err := unpack(dir, digest, r)
	if err != nil {
		return Loaded{}, fmt.Errorf("mapset: unpack: %w", err)
	}
	l := load(dir, digest, p)
	if len(l.Faults) > 0 {
		return l, nil
	}
	if err := os.Remove(filepath.Join(dir, "manifest.json")); err != nil {
		return Loaded{}, fmt.Errorf("mapset: unpack: %w", err)
	}
	if _, err := f.place(dir, m); err != nil {
		return Loaded{}, fmt.Errorf("mapset: unpack: %w", err)
	}
	return l, nil
}

// unpack writes the files of an object into a folder.
func unpack(dir, digest string, r io.Reader) (Manifest, error) {
	in := tar.NewReader(io.LimitReader(r, MaxSetBytes+(64<<20)))
	data, err := unpackManifest(in)
	if err != nil {
		return Manifest{}, err
	}
	m, err := parseManifest(data)
	if err != nil {
		return Manifest{}, err
	}
	if m.Digest() != digest {
		return Manifest{}, errors.New("it is not the set that was asked for: the digest differs")
	}
	if _, err := writeFile(filepath.Join(dir, "manifest.json"), bytes.NewReader(data)); err != nil {
		return Manifest{}, err
	}
	notes, total := map[string]int{}, int64(0)
	taken := map[string]bool{}
	for {
		h, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return Manifest{}, errors.New("it is cut short or no set")
		}
		if total += h.Size; total > MaxSetBytes {
			return Manifest{}, errors.New("it is larger than a set may be")
		}
		if !plainFile(h) || taken[h.Name] {
			return Manifest{}, errors.New("it holds something that is no plain file of a set")
		}
		taken[h.Name] = true
		if err := m.unpackFile(dir, in, h, notes); err != nil {
			return Manifest{}, err
		}
	}
	for _, e := range m.Tables {
		if !e.Starter() && !taken[e.File] {
			return Manifest{}, fmt.Errorf("the table %s is missing", e.File)
		}
	}
	return m, nothingAfter(r)
}

// unpackManifest reads the first file of an object.
func unpackManifest(in *tar.Reader) ([]byte, error) {
	h, err := in.Next()
	if err != nil || !plainFile(h) || h.Name != "manifest.json" || h.Size > maxManifest {
		return nil, errors.New("it does not start with a manifest")
	}
	data, err := io.ReadAll(in)
	if err != nil {
		return nil, errors.New("it is cut short")
	}
	return data, nil
}

// plainFile reports a header that names one ordinary file and asks for nothing else.
func plainFile(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if key != "path" && key != "size" {
			return false
		}
	}
	return h.Typeflag == tar.TypeReg && plainName(h.Name) && h.Linkname == "" && h.Size >= 0
}

// unpackFile takes one table the manifest lists, or one note of such a table.
func (m Manifest) unpackFile(dir string, in io.Reader, h *tar.Header, notes map[string]int) error {
	table, isNote := noteOf(h.Name)
	at := slices.IndexFunc(m.Tables, func(e Entry) bool { return e.File == h.Name || isNote && e.File == table })
	switch {
	case at < 0:
		return errors.New("it holds a file that its manifest does not list")
	case isNote:
		if notes[table]++; h.Size > maxNote || notes[table] > maxNotes {
			return errors.New("it holds more notes, or larger ones, than a set may have")
		}
	case h.Size > mapping.MaxTableBytes:
		return errors.New("it holds a larger table than a set may have")
	}
	name := filepath.Join(dir, h.Name)
	if n, err := writeFile(name, in); err != nil {
		return err
	} else if n != h.Size {
		return errors.New("it is cut short")
	}
	if !isNote && hash(name) != m.Tables[at].SHA256 {
		return fmt.Errorf("the table %s is not the one its manifest lists", h.Name)
	}
	return nil
}

// nothingAfter refuses anything but the padding of a tar after its end.
func nothingAfter(r io.Reader) error {
	rest, err := io.ReadAll(io.LimitReader(r, 64<<10))
	if err != nil || len(rest) == 64<<10 || strings.Trim(string(rest), "\x00") != "" {
		return errors.New("something follows its end")
	}
	return nil
}
