package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"covey/catalog"
	"covey/internal/journal"
	"github.com/gofrs/flock"
)

// dataDir is the directory in which an agent keeps what a restart needs. The zero
// value keeps nothing.
type dataDir struct {
	path   string
	lock   *flock.Flock
	before bool // an agent has used it before
}

// openDataDir makes the directory if it is not there and takes its lock, which the
// system releases when the process ends, however it ends.
func openDataDir(path string) (dataDir, error) {
	if path == "" {
		return dataDir{}, nil
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return dataDir{}, fmt.Errorf("cannot make the data directory: %w; choose another with --data-dir, or run with --dev to keep nothing", err)
	}
	d := dataDir{path: path, lock: flock.New(filepath.Join(path, "lock"))}
	ok, err := d.lock.TryLock()
	switch {
	case err != nil:
		return dataDir{}, fmt.Errorf("cannot use the data directory %s: %w; it must be readable and writable for this user, or choose another with --data-dir", path, err)
	case !ok:
		return dataDir{}, fmt.Errorf("the data directory %s is in use by another agent; stop that one, or give this one its own with --data-dir", path)
	}
	return d, nil
}

// file names a file in the directory, "" if nothing is kept.
func (d dataDir) file(name string) string {
	if d.path == "" {
		return ""
	}
	return filepath.Join(d.path, name)
}

// nodeID returns the id kept in the directory, making it the first time. A configured
// id takes its place.
func (d *dataDir) nodeID(configured catalog.NodeID) (catalog.NodeID, error) {
	if d.path == "" {
		if configured != (catalog.NodeID{}) {
			return configured, nil
		}
		return catalog.NewNodeID(), nil
	}
	name := d.file("node-id")
	text, err := os.ReadFile(name)
	switch {
	case err == nil:
		kept, err := catalog.ParseNodeID(strings.TrimSpace(string(text)))
		if err != nil {
			return kept, fmt.Errorf("the file %s does not hold this node's id: %w; restore it, or remove it to begin as a new node", name, err)
		}
		d.before = true
		if configured == (catalog.NodeID{}) || configured == kept {
			return kept, nil
		}
	case !errors.Is(err, fs.ErrNotExist):
		return catalog.NodeID{}, fmt.Errorf("cannot read this node's id: %w", err)
	}
	id := configured
	if id == (catalog.NodeID{}) {
		id = catalog.NewNodeID()
	}
	if err := writeWhole(name, []byte(id.String()+"\n")); err != nil {
		return id, fmt.Errorf("cannot keep this node's id: %w", err)
	}
	return id, nil
}

// writeWhole writes a file that is there whole or not at all, power cuts included.
func writeWhole(name string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	return journal.OS().SyncDir(filepath.Dir(name))
}

func (d dataDir) close() error {
	if d.lock == nil {
		return nil
	}
	return d.lock.Unlock()
}
