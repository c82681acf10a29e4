// Package journaltest has a file system in memory that fails as disks do, for tests of
// the journal and of what is built on it.
//
// It is stricter than most real ones: what was not synced may be lost, may survive in
// part, or out of order, and a name survives only if its directory was synced.
package journaltest

import (
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"covey/internal/journal"
)

// Op names an operation of the file system.
type Op string

// The operations a Disk can be made to fail.
const (
	Open     Op = "open"
	Rename   Op = "rename"
	Remove   Op = "remove"
	SyncDir  Op = "syncdir"
	Read     Op = "read"
	Write    Op = "write"
	Truncate Op = "truncate"
	Sync     Op = "sync"
)

// ErrPowerCut is what every operation returns between a power cut and Restart.
var ErrPowerCut = errors.New("power cut")

// Disk is a journal.FS in memory. It is safe for concurrent use.
type Disk struct {
	mu      sync.Mutex
	rand    *rand.Rand
	names   map[string]*inode // as processes see them
	durable map[string]*inode // as they are after a power cut
	pending []rename          // what parts the two, in order
	boot    int               // files opened before the last Restart or Kill are dead
	off     bool              // power is cut
	cutIn   int               // operations until power is cut; 0 for never
	fault   func(op Op, name string) error
}

// rename is a change of a directory: to now names node; nil removes it.
type rename struct {
	from, to string // from is "" for a creation or a removal
	node     *inode
}

// NewDisk returns an empty disk that decides by seed what a crash spares.
func NewDisk(seed uint64) *Disk {
	return &Disk{
		rand:  rand.New(rand.NewPCG(seed, 0)),
		names: map[string]*inode{}, durable: map[string]*inode{},
	}
}

// SetFault makes every later operation fail for which fault returns an error. A failed
// write writes a part; a failed sync loses what it should have synced, though it can
// still be read, as on Linux. nil ends that.
func (d *Disk) SetFault(fault func(op Op, name string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = fault
}

// CutPowerIn cuts the power at the n-th operation from now that changes something.
func (d *Disk) CutPowerIn(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cutIn = n
}

// Restart brings the disk up after a power cut, cutting the power first if it is on.
// Files that were open stay dead.
func (d *Disk) Restart() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, change := range d.pending[:d.rand.IntN(len(d.pending)+1)] {
		apply(d.durable, change)
	}
	d.pending, d.names = nil, map[string]*inode{}
	for _, name := range slices.Sorted(maps.Keys(d.durable)) { // by name, so that a seed decides
		d.durable[name].crash(d.rand)
		d.names[name] = d.durable[name]
	}
	d.off, d.cutIn, d.fault = false, 0, nil
	d.boot++
}

// Kill is what a kill -9 of the process leaves: everything written, no file open.
func (d *Disk) Kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.boot++
}

// WriteFile puts a file in place, durably.
func (d *Disk) WriteFile(name string, data []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	node := &inode{data: clone(data), durable: clone(data)}
	d.names[name], d.durable[name] = node, node
}

// ReadFile returns what a process would read in a file, false if there is none.
func (d *Disk) ReadFile(name string) ([]byte, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	node, ok := d.names[name]
	if !ok {
		return nil, false
	}
	return clone(node.data), true
}

// Names returns the names of all files, sorted.
func (d *Disk) Names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.names))
}

// begin says why op cannot be carried out; d.mu is held.
func (d *Disk) begin(op Op, name string, changes bool) error {
	if d.off {
		return ErrPowerCut
	}
	if changes && d.cutIn > 0 {
		if d.cutIn--; d.cutIn == 0 {
			d.off = true
			return ErrPowerCut
		}
	}
	if d.fault != nil {
		if err := d.fault(op, name); err != nil {
			return &fs.PathError{Op: string(op), Path: name, Err: err}
		}
	}
	return nil
}

// OpenFile implements journal.FS; perm is ignored.
func (d *Disk) OpenFile(name string, flag int, _ os.FileMode) (journal.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.begin(Open, name, flag&(os.O_CREATE|os.O_TRUNC) != 0); err != nil {
		return nil, err
	}
	node, ok := d.names[name]
	switch {
	case !ok && flag&os.O_CREATE == 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case ok && flag&os.O_EXCL != 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrExist}
	case !ok:
		node = &inode{}
		d.change(rename{to: name, node: node})
	}
	if flag&os.O_TRUNC != 0 {
		node.truncate(0)
	}
	return &file{disk: d, node: node, name: name, boot: d.boot}, nil
}

// Rename implements journal.FS.
func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.begin(Rename, to, true); err != nil {
		return err
	}
	node, ok := d.names[from]
	if !ok {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	d.change(rename{from: from, to: to, node: node})
	return nil
}

// Remove implements journal.FS.
func (d *Disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.begin(Remove, name, true); err != nil {
		return err
	}
	if _, ok := d.names[name]; !ok {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	d.change(rename{to: name})
	return nil
}

// SyncDir implements journal.FS.
func (d *Disk) SyncDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.begin(SyncDir, dir, true); err != nil {
		return err
	}
	var others []rename
	for _, change := range d.pending {
		if filepath.Dir(change.to) == filepath.Clean(dir) {
			apply(d.durable, change)
		} else {
			others = append(others, change)
		}
	}
	d.pending = others
	return nil
}

// change changes a directory, for now without durability.
func (d *Disk) change(c rename) {
	apply(d.names, c)
	d.pending = append(d.pending, c)
}

func apply(names map[string]*inode, c rename) {
	if c.from != "" {
		delete(names, c.from)
	}
	if c.node == nil {
		delete(names, c.to)
	} else {
		names[c.to] = c.node
	}
}
