package gossip

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"covey/gossip/replica"
	"covey/internal/journal"
)

// peersFile keeps what the other agents registered, so that a restart answers from it
// before any peer is reached. It is written behind the loop's back, and appends to it
// are never synced: all but the latest survives a kill, and after a power cut the peers
// still have it all. If the disk is too slow, the backlog is dropped and the file written
// anew.
//
// A record is a kind and its body: a delta as the core gave it, a name with the id that
// bears it and its state, or a name that is forgotten.
type peersFile struct {
	path string
	log  *slog.Logger
	file *journal.Log

	mu      sync.Mutex // guards what follows
	backlog [][]byte
	size    int  // bytes in backlog
	rewrite bool // the file must be written anew
	fresh   int64
	closed  bool

	wake    chan struct{}
	closing chan struct{} // closed with closed
	done    sync.WaitGroup
}

const (
	recordDelta     = 'D'
	recordName      = 'N'
	recordForgotten = 'X'

	// gatherTime is how long the file rests after a write, and so how much of the latest
	// news a kill may cost where there is much of it. The peers have it, as they have all.
	gatherTime  = 5 * time.Millisecond
	maxBacklog  = 8 << 20 // bytes
	minRewrite  = 1 << 20 // below this size the file is let grow
	rewriteOver = 4       // times what it was when last written anew
)

// restore reads the peers file into the core, and tells the catalogue.
func (g *Gossip) restore() error {
	if g.cfg.PeersFile == "" {
		return nil
	}
	p := &peersFile{path: g.cfg.PeersFile, log: g.log, wake: make(chan struct{}, 1), closing: make(chan struct{})}
	now := time.Now()
	if err := p.open(g.cfg.FS, func(record []byte) error { return g.restoreRecord(now, record) }); err != nil {
		return err
	}
	g.peers = p
	for id, m := range g.dir.ids {
		g.known[id] = m.name
		g.core.SetMember(now, id, m.state)
		g.cfg.SetMember(id, m.state)
	}
	g.core.ForgetUnclaimed(now)
	if n := len(g.dir.ids); n > 0 {
		g.log.Info("answering from what was known before, until the other nodes are met", "nodes", n)
	}
	// What was restored is in the file already, and has no one to be sent to yet.
	g.cfg.Apply(g.core.Flush().Changes)
	p.done.Go(p.run)
	return nil
}

// open opens the file. One that is not ours is put aside: what it holds can be had
// from the others.
func (p *peersFile) open(fs journal.FS, replay func([]byte) error) error {
	if fs == nil {
		fs = journal.OS()
	}
	unread := 0
	try := func() (*journal.Log, journal.Recovery, error) {
		return journal.Open(p.path, journal.Options{FS: fs, Logger: p.log}, func(record []byte) error {
			if replay(record) != nil {
				unread++ // one owner's word; its owner will say it again
			}
			return nil
		})
	}
	file, recovery, err := try()
	if errors.Is(err, journal.ErrForeign) {
		aside := asideName(p.path)
		if renamed := fs.Rename(p.path, aside); renamed != nil {
			return errors.Join(err, renamed)
		}
		p.log.Warn("the file of what other agents registered is put aside; they will be asked for it", "file", p.path, "saved_to", aside, "error", err)
		file, recovery, err = try()
	}
	if err != nil {
		return err
	}
	if !recovery.Intact() || unread > 0 {
		p.log.Warn("what was kept of other agents could not be read in full; they will be asked for it again",
			"file", p.path, "cut_bytes", recovery.TruncatedBytes, "damaged_records", recovery.DamagedRecords, "unread_records", unread, "saved_to", recovery.SavedTo)
	}
	p.file, p.fresh, p.rewrite = file, file.Size(), true
	return nil
}

func (g *Gossip) restoreRecord(now time.Time, record []byte) error {
	if len(record) == 0 {
		return errors.New("an empty record")
	}
	body := record[1:]
	switch record[0] {
	case recordDelta:
		return g.core.Restore(now, body)
	case recordName:
		name, b, err := parseName(body)
		if err != nil {
			return err
		}
		if b.state != replica.Failed {
			b.state = replica.Presumed
		}
		if b.since = now; b.id != g.cfg.ID {
			g.dir.set(name, b)
		}
	case recordForgotten:
		// Its log goes when all is read, if no other name claims it.
		g.dir.remove(string(body))
	}
	return nil
}

// add keeps what peers changed.
func (p *peersFile) add(self replica.ID, changes []replica.Change) {
	if p == nil {
		return
	}
	for i := range changes {
		if ch := &changes[i]; ch.Owner != self && ch.Raw != nil {
			p.append(slices.Concat([]byte{recordDelta}, ch.Raw))
		}
	}
}

func (p *peersFile) addName(name string, b *bearer) {
	if p != nil {
		p.append(nameRecord(name, b))
	}
}

// nameRecord is the kind, the id, the state, the address behind its length, the name.
func nameRecord(name string, b *bearer) []byte {
	addr, _ := b.addr.MarshalBinary() // never fails
	return slices.Concat([]byte{recordName}, b.id[:], []byte{byte(b.state), byte(len(addr))}, addr, []byte(name))
}

func parseName(body []byte) (string, bearer, error) {
	const fixed = idSize + 2
	if len(body) < fixed || len(body) < fixed+int(body[idSize+1]) {
		return "", bearer{}, fmt.Errorf("a name's record of %d bytes", len(body))
	}
	b := bearer{id: replica.ID(body[:idSize]), state: replica.Membership(body[idSize])}
	addr, name := body[fixed:fixed+int(body[idSize+1])], body[fixed+int(body[idSize+1]):]
	if err := b.addr.UnmarshalBinary(addr); err != nil {
		return "", bearer{}, fmt.Errorf("a name's address: %w", err)
	}
	return string(name), b, nil
}

func (p *peersFile) addForgotten(name string) {
	if p != nil {
		p.append(slices.Concat([]byte{recordForgotten}, []byte(name)))
	}
}

func (p *peersFile) append(record []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.backlog = append(p.backlog, record)
	p.size += len(record)
	if p.size > maxBacklog {
		p.backlog, p.size, p.rewrite = nil, 0, true
	}
	p.signal()
}

func (p *peersFile) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// tick hands over everything anew when the file has grown too long or lost something.
// The loop calls it, since only it may read the core.
func (p *peersFile) tick(core *replica.Core, dir *directory) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.rewrite && p.file.Size() < max(minRewrite, rewriteOver*p.fresh) || p.closed {
		return
	}
	all := [][]byte{nil} // nil: begin anew
	for name, b := range dir.names {
		all = append(all, nameRecord(name, b))
	}
	_ = core.Snapshot(func(_ replica.ID, raw []byte) error {
		all = append(all, slices.Concat([]byte{recordDelta}, raw))
		return nil
	})
	p.backlog, p.size, p.rewrite = all, 0, false
	p.signal()
}

// run writes the backlog until close: at once after a rest, and then what came meanwhile.
func (p *peersFile) run() {
	failing := false
	for range p.wake {
		p.mu.Lock()
		records, closed := p.backlog, p.closed
		p.backlog, p.size = nil, 0
		p.mu.Unlock()
		err := p.write(records)
		if err != nil {
			p.mu.Lock()
			p.rewrite = true
			p.mu.Unlock()
		}
		if err != nil && !failing {
			p.log.Error("cannot keep what other agents registered; after a restart they must be asked for it", "file", p.path, "error", err)
		}
		failing = err != nil
		if closed {
			return
		}
		select {
		case <-time.After(gatherTime):
		case <-p.closing:
		}
	}
}

func (p *peersFile) write(records [][]byte) error {
	start := -1
	for i, r := range records {
		if r == nil {
			start = i
		}
	}
	if start < 0 {
		return p.file.Append(false, records...)
	}
	err := p.file.Compact(func(emit func([]byte) error) error {
		for _, r := range records[start+1:] {
			if err := emit(r); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		p.mu.Lock()
		p.fresh = p.file.Size()
		p.mu.Unlock()
	}
	return err
}

// close writes what waits and closes the file.
func (p *peersFile) close() error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	already := p.closed
	if !already {
		close(p.closing)
	}
	p.closed = true
	p.signal()
	p.mu.Unlock()
	p.done.Wait()
	if already {
		return nil
	}
	return p.file.Close()
}
