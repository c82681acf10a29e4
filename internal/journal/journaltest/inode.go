package journaltest

import (
	"math/rand/v2"
	"slices"
)

// inode is a file's content: as read, as on disk, and what parts the two.
type inode struct {
	data    []byte
	durable []byte
	pending []edit
}

// edit is a write of data at off or, with nil data, a truncation to off.
type edit struct {
	off  int64
	data []byte
}

const sector = 512

func (n *inode) write(off int64, data []byte) {
	e := edit{off, clone(data)}
	n.data = e.apply(n.data)
	n.pending = append(n.pending, e)
}

func (n *inode) truncate(size int64) {
	e := edit{off: size}
	n.data = e.apply(n.data)
	n.pending = append(n.pending, e)
}

func (n *inode) sync() {
	for _, e := range n.pending {
		n.durable = e.apply(n.durable)
	}
	n.pending = nil
}

// loseSync is a sync that fails: what was pending will never reach the disk.
func (n *inode) loseSync() { n.pending = nil }

// crash leaves what is durable and some of what is pending: a prefix of it, cut at any
// byte, or sectors here and there with zeros between them.
func (n *inode) crash(r *rand.Rand) {
	if r.IntN(2) == 0 {
		n.survivePrefix(r)
	} else {
		n.surviveScattered(r)
	}
	n.pending = nil
	n.data = clone(n.durable)
}

func (n *inode) survivePrefix(r *rand.Rand) {
	whole := r.IntN(len(n.pending) + 1)
	for _, e := range n.pending[:whole] {
		n.durable = e.apply(n.durable)
	}
	if whole < len(n.pending) {
		if e := n.pending[whole]; len(e.data) > 0 {
			e.data = e.data[:r.IntN(len(e.data))]
			n.durable = e.apply(n.durable)
		}
	}
}

func (n *inode) surviveScattered(r *rand.Rand) {
	for _, e := range n.pending {
		if e.data == nil {
			if r.IntN(2) == 0 {
				n.durable = e.apply(n.durable)
			}
			continue
		}
		for at := int64(0); at < int64(len(e.data)); {
			end := min(int64(len(e.data)), at+sector-(e.off+at)%sector)
			if r.IntN(2) == 0 {
				n.durable = edit{e.off + at, e.data[at:end]}.apply(n.durable)
			}
			at = end
		}
	}
}

// apply returns content after the edit; a gap before a write is filled with zeros.
func (e edit) apply(content []byte) []byte {
	if e.data == nil {
		if e.off < int64(len(content)) {
			return content[:e.off:e.off]
		}
		return grow(content, e.off)
	}
	content = grow(content, e.off+int64(len(e.data)))
	copy(content[e.off:], e.data)
	return content
}

func grow(content []byte, size int64) []byte {
	if missing := size - int64(len(content)); missing > 0 {
		return append(content, make([]byte, missing)...)
	}
	return content
}

// clone never returns nil, which as an edit's data would mean a truncation.
func clone(b []byte) []byte { return append(make([]byte, 0, len(b)), slices.Clip(b)...) }
