package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// file is one file of the package, by its place from the root of the system.
type file struct {
	path string
	mode fs.FileMode
	data []byte
}

// conffile is the one file that an administrator edits; dpkg asks before it
// replaces an edited one.
const conffile = "etc/linkspan/linkspan.env"

const description = `Description: bridge between two clinical systems
 Linkspan carries record requests between two GP clinical systems and translates
 each record by tables that are explicit and signed. It shows what it could not
 translate and keeps a log of all it did that can be proved.
`

// deb makes the Debian package for this machine's architecture and says where.
func (r release) deb(ctx context.Context, folder string) (string, error) {
	work, err := os.MkdirTemp("", "linkspan-deb")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	files, version, err := r.files(ctx, work)
	if err != nil {
		return "", err
	}
	stage := filepath.Join(work, "stage")
	size := 0
	for _, f := range files {
		size += len(f.data)
	}
	control := fmt.Sprintf("Package: linkspan\nVersion: %s\nArchitecture: %s\nMaintainer: Linkspan maintainers <maintainers@linkspan.invalid>\n"+
		"Installed-Size: %d\nDepends: systemd\nSection: net\nPriority: optional\n%s", version, runtime.GOARCH, (size+1023)/1024, description)
	files = append(files, file{"DEBIAN/control", 0o644, []byte(control)}, file{"DEBIAN/conffiles", 0o644, []byte("/" + conffile + "\n")},
		file{"DEBIAN/md5sums", 0o644, sums(files)})
	for _, script := range []string{"postinst", "prerm"} {
		text, err := os.ReadFile(filepath.Join(r.root, "scripts/package", script))
		if err != nil {
			return "", err
		}
		files = append(files, file{"DEBIAN/" + script, 0o755, text})
	}
	if err := r.write(stage, files); err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	into := filepath.Join(folder, fmt.Sprintf("linkspan_%s_%s.deb", version, runtime.GOARCH))
	_, err = output(ctx, work, []string{fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.time.Unix())},
		"dpkg-deb", "--root-owner-group", "-Zxz", "-z6", "--threads-max=1", "--build", stage, into)
	return into, err
}

// files are all files of the package, and its version, which is the binary's.
func (r release) files(ctx context.Context, work string) ([]file, string, error) {
	binary := filepath.Join(work, "linkspan")
	if err := r.build(ctx, runtime.GOOS, runtime.GOARCH, binary); err != nil {
		return nil, "", err
	}
	program, err := os.ReadFile(binary)
	if err != nil {
		return nil, "", err
	}
	said := map[string]string{}
	for command, args := range map[string][]string{"--version": nil, "man": {"--date", r.time.UTC().Format(time.DateOnly)}, "settings": nil} {
		if said[command], err = output(ctx, work, nil, binary, append([]string{command}, args...)...); err != nil {
			return nil, "", err
		}
	}
	bom, err := output(ctx, r.root, nil, "go", "run", "./scripts/evidence", "sbom", binary)
	if err != nil {
		return nil, "", err
	}
	agreement, err := r.exampleAgreement()
	if err != nil {
		return nil, "", err
	}
	const doc = "usr/share/doc/linkspan/"
	files := []file{
		{"usr/bin/linkspan", 0o755, program},
		{conffile, 0o644, []byte(said["settings"])},
		{"usr/share/man/man1/linkspan.1.gz", 0o644, zipped([]byte(said["man"]))},
		{doc + "sbom.cdx.json", 0o644, []byte(bom)},
		{doc + "examples/agreement.json", 0o644, agreement},
	}
	for from, to := range map[string]string{
		"scripts/package/linkspan.service": "usr/lib/systemd/system/linkspan.service",
		"scripts/package/sysusers.conf":    "usr/lib/sysusers.d/linkspan.conf",
		"scripts/package/tmpfiles.conf":    "usr/lib/tmpfiles.d/linkspan.conf",
		"scripts/package/copyright":        doc + "copyright",
		"CHANGELOG.md":                     doc + "changelog.gz",
		"README.md":                        doc + "README.md",
	} {
		text, err := os.ReadFile(filepath.Join(r.root, from))
		if err != nil {
			return nil, "", err
		}
		if strings.HasSuffix(to, ".gz") {
			text = zipped(text)
		}
		files = append(files, file{to, 0o644, text})
	}
	docs := filepath.Join(r.root, "docs")
	err = filepath.WalkDir(docs, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(docs, path)
		files = append(files, file{doc + "docs/" + filepath.ToSlash(name), 0o644, text})
		return err
	})
	return files, strings.TrimSpace(said["--version"]), err
}

// exampleAgreement is that of docs/run.md, which a test runs.
func (r release) exampleAgreement() ([]byte, error) {
	page, err := os.ReadFile(filepath.Join(r.root, "docs/run.md"))
	if err != nil {
		return nil, err
	}
	_, rest, found := strings.Cut(string(page), "<<'JSON'\n")
	text, _, ended := strings.Cut(rest, "\nJSON\n")
	if !found || !ended {
		return nil, errors.New("docs/run.md has no agreement between JSON marks")
	}
	return []byte(text + "\n"), nil
}

// write lays the files out, all with the time of the release.
func (r release) write(stage string, files []file) error {
	folders := map[string]bool{}
	for _, f := range files {
		path := filepath.Join(stage, f.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		for dir := filepath.Dir(path); len(dir) >= len(stage); dir = filepath.Dir(dir) {
			folders[dir] = true
		}
		if err := os.WriteFile(path, f.data, f.mode); err != nil {
			return err
		}
		if err := errors.Join(os.Chmod(path, f.mode), os.Chtimes(path, r.time, r.time)); err != nil {
			return err
		}
	}
	for dir := range folders {
		if err := errors.Join(os.Chmod(dir, 0o755), os.Chtimes(dir, r.time, r.time)); err != nil {
			return err
		}
	}
	return nil
}

func sums(files []file) []byte {
	var lines []string
	for _, f := range files {
		if f.path != conffile {
			lines = append(lines, fmt.Sprintf("%x  %s\n", md5.Sum(f.data), f.path))
		}
	}
	slices.Sort(lines)
	return []byte(strings.Join(lines, ""))
}

// zipped compresses without a name and a time.
func zipped(data []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a valid one
	_, _ = w.Write(data)                                  // to memory
	_ = w.Close()
	return b.Bytes()
}
