// How a configuration is put together: defaults, files in the order given, overrides.

package config

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"covey/catalog/definition/strict"
	"covey/internal/fault"
)

// commandLine is what overrides are called in errors.
const commandLine = "command line"

// maxFile is how large a file may be.
const maxFile = 16 << 20

// Load reads the files, and of directories the *.hcl and *.json in lexical order, then
// the overrides, on top of the defaults. A later value replaces an earlier one; lists
// append, and maps take on each other's keys. The keys of overrides are those of the
// files, with "ports.http" for {"ports": {"http": ...}}. Every fault is in the error,
// whose kind is Invalid.
func Load(paths []string, overrides map[string]any) (*Config, error) {
	d := assemble(paths, overrides, thisHost())
	if err := d.faults.Err(); err != nil {
		return nil, err
	}
	return d.Config, nil
}

func assemble(paths []string, overrides map[string]any, h host) *draft {
	d := &draft{Config: Default(), given: map[string]place{}}
	for _, path := range paths {
		d.readPath(path)
	}
	d.read(commandLine, nested(overrides))
	d.settle(h)
	return d
}

// draft is a configuration while it is put together.
type draft struct {
	*Config
	faults fault.List

	tlsDefaults TLS

	source int              // counts what is read, from 1
	given  map[string]place // by key's name: who had the last word
	placed []placed
}

// place is where in the input a key was given.
type place struct {
	path   string // "a.hcl: ports.http"
	source int
}

// placed is a definition's ID and where it was given.
type placed struct {
	kind, id, path string
}

// readPath reads a file or a directory.
func (d *draft) readPath(path string) {
	info, err := os.Stat(path)
	if err != nil {
		d.unreadable(path, err)
		return
	}
	if !info.IsDir() {
		d.readFile(path)
		return
	}
	entries, err := os.ReadDir(path) // in lexical order
	if err != nil {
		d.unreadable(path, err)
		return
	}
	for _, entry := range entries {
		name := filepath.Join(path, entry.Name())
		if format(name) == nil {
			continue
		}
		// What an entry links to decides: a mounted ConfigMap is links only.
		if info, err := os.Stat(name); err != nil || !info.IsDir() {
			d.readFile(name)
		}
	}
}

func (d *draft) readFile(path string) {
	text, err := readAll(path)
	if err != nil {
		d.unreadable(path, err)
		return
	}
	values, err := Parse(path, text)
	if err != nil {
		d.faults.Field(path, "%w", err)
		return
	}
	d.read(path, values)
}

// Parse parses the text of a file as the end of its name says, .hcl or .json, into
// what package strict reads. Errors are of kind Invalid and do not name the file.
func Parse(path string, text []byte) (map[string]any, error) {
	parse := format(path)
	if parse == nil {
		return nil, fault.New(fault.Invalid, "is neither HCL nor JSON: its name must end in .hcl or .json")
	}
	return parse(text)
}

// format returns how a file of that name is parsed, nil if it is not known.
func format(path string) func([]byte) (map[string]any, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".hcl":
		return parseHCL
	case ".json":
		return parseJSON
	}
	return nil
}

// parseJSON parses a file. An empty one says nothing, as in HCL.
func parseJSON(text []byte) (map[string]any, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, nil
	}
	return strict.ParseJSON(text)
}

func readAll(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = errors.New("it is larger than 16 MiB")
	}
	return text, err
}

func (d *draft) unreadable(path string, err error) {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		err = e.Err
	}
	d.faults.Field(path, "cannot be read: %w", err)
}

// read takes on one source.
func (d *draft) read(name string, values map[string]any) {
	d.source++
	keyTable.Read(strict.NewObject(name+": ", values, &d.faults), d)
}

// nested turns "ports.http" into an object within an object.
func nested(overrides map[string]any) map[string]any {
	out := make(map[string]any, len(overrides))
	for _, key := range slices.Sorted(maps.Keys(overrides)) { // "ports" before "ports.http"
		value := overrides[key]
		if group, member, dotted := strings.Cut(key, "."); dotted {
			key, value = group, map[string]any{member: value}
		}
		out[key] = merged(out[key], value)
	}
	return out
}

// merged adds the members of one object to another; anything else takes its place.
func merged(into, from any) any {
	a, ok := into.(map[string]any)
	b, also := from.(map[string]any)
	if !ok || !also {
		return from
	}
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}
