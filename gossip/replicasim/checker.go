package replicasim

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"covey/gossip/replica"
)

// Checker holds every core of a world to what replication promises, after each thing
// that happens to it:
//
//   - what a replica has of an owner is what that owner said, all of it, up to a version
//     that never goes back while the replica runs;
//   - so nothing registered is lost and nothing deregistered returns, but for what is
//     still on its way;
//   - of an owner that membership said has left it shows nothing, until it is back, and
//     then nothing that it said before;
//   - what it holds is bounded by the owners and entries that there are.
//
// Rest says what must hold besides when the world has been quiet.
type Checker struct {
	world   *World
	said    map[incarnation]*history
	flushes int
	errs    []error

	Checks  int          // how often what a replica has of an owner was held to the model
	Largest replica.Size // of any core at any time, each count by itself
}

// Check watches a world from now on.
func Check(w *World) *Checker {
	c := &Checker{world: w, said: map[incarnation]*history{}}
	w.watch = c.after
	return c
}

// maxReports is how many violations are worth reading.
const maxReports = 5

func (c *Checker) fail(n *Node, format string, args ...any) {
	if len(c.errs) < maxReports {
		c.errs = append(c.errs, c.fault(n, format, args...))
	}
}

func (c *Checker) fault(n *Node, format string, args ...any) error {
	return fmt.Errorf("%v, node %d: %w", c.world.now, n.at, fmt.Errorf(format, args...))
}

// Err is what was found, nil if nothing.
func (c *Checker) Err() error { return errors.Join(c.errs...) }

// after takes note of what a core did, and holds it to the promises.
func (c *Checker) after(n *Node, fx *replica.Effects) {
	for i := range fx.Faults {
		c.fail(n, "it refused of node %d: %w", c.at(fx.Faults[i].Owner), fx.Faults[i].Err)
	}
	if fx.Epoch != 0 {
		n.epoch = fx.Epoch
		c.begin(n, n.said.renumbered())
	}
	for i := range fx.Changes {
		ch := &fx.Changes[i]
		if ch.Owner == n.ID {
			c.say(n, ch)
		} else {
			n.note(ch)
		}
	}
	for i := range fx.Changes {
		if owner := fx.Changes[i].Owner; owner != n.ID {
			c.hold(n, owner)
		}
	}
	if c.flushes++; c.flushes%(1+len(c.world.nodes)/16) == 0 { // counting takes as long as there are owners
		c.bounds(n)
	}
}

func (c *Checker) at(owner replica.ID) int {
	if at, ok := c.world.index[owner]; ok {
		return int(at)
	}
	return -1
}

// begin notes that a node's own log is in a new epoch.
func (c *Checker) begin(n *Node, h *history) {
	at := incarnation{n.ID, n.Epoch()}
	if c.said[at] != nil {
		c.fail(n, "it begins epoch %d a second time", at.epoch)
	}
	n.said, c.said[at] = h, h
}

// say keeps what an owner changed of its own.
func (c *Checker) say(n *Node, ch *replica.Change) {
	if n.said == nil {
		c.begin(n, (*history)(nil).renumbered())
	}
	for _, e := range ch.Entries {
		n.said.say(e.Key, text(&e))
	}
	if n.said.version != n.Version() {
		c.fail(n, "its own log is at %d, and it made %d changes", n.Version(), n.said.version)
	}
}

// hold holds what a node has of an owner to what it had before, and to what that one said.
func (c *Checker) hold(n *Node, owner replica.ID) {
	c.Checks++
	k := n.known[owner]
	if k == nil {
		return
	}
	epoch, version, ok := n.Head(owner)
	if !ok {
		if len(k.entries) > 0 {
			c.fail(n, "it shows %d entries of node %d, whose log it does not have", len(k.entries), c.at(owner))
		}
		return
	}
	if epoch < k.epoch || epoch == k.epoch && version < k.version {
		c.fail(n, "node %d went back from %d.%d to %d.%d", c.at(owner), k.epoch, k.version, epoch, version)
	}
	k.epoch, k.version = epoch, version
	if void, left := n.void[owner]; left && (void.until || epoch <= void.epoch) {
		c.fail(n, "node %d left at epoch %d, and is shown at %d", c.at(owner), void.epoch, epoch)
	}
	h := c.said[incarnation{owner, epoch}]
	if h == nil {
		c.fail(n, "node %d is at an epoch %d that it never began", c.at(owner), epoch)
	} else if err := h.holds(version, k.entries); err != nil {
		c.fail(n, "of node %d at %d.%d: %w", c.at(owner), epoch, version, err)
	}
}

// bounds holds what a core has to what there is.
func (c *Checker) bounds(n *Node) {
	s := n.Size()
	ids := len(c.world.nodes)
	for _, b := range []struct {
		of       string
		is, most int
		largest  *int
	}{
		{"owners", s.Owners, ids, &c.Largest.Owners},
		{"graves", s.Graves, ids, &c.Largest.Graves},
		{"staged logs", s.Staged, ids, &c.Largest.Staged},
		{"places in logs", s.LogPlaces, 2*(s.Entries+s.StagedEntries) + 20*(s.Owners+s.Staged), &c.Largest.LogPlaces},
		{"owners to be pushed", s.Pushes, 2 * ids * ids, &c.Largest.Pushes},
		{"owners to be pulled", s.Pulls, ids, &c.Largest.Pulls},
		{"places in queues", s.QueuePlaces, 4 * ids * ids, &c.Largest.QueuePlaces},
	} {
		*b.largest = max(*b.largest, b.is)
		if b.is > b.most {
			c.fail(n, "it holds %d %s, more than %d: %+v", b.is, b.of, b.most, s)
		}
	}
}

// Rest lets time pass, until all is as it must be when faults have ended, or for so long
// at most, and says what is not then or was not before. All catalogues must be equal,
// byte for byte, and what the owners want to be known; nothing may be queued, asked for
// or half gathered.
func (c *Checker) Rest(most time.Duration) error {
	until := c.world.now + most
	for c.world.now < until && c.restless() != nil {
		c.world.Run(time.Second)
	}
	return errors.Join(append(c.errs, c.restless())...)
}

// restless says what is not at rest at the first node of which that is so.
func (c *Checker) restless() error {
	want := c.world.catalogue()
	var first *Node
	for _, n := range c.world.nodes {
		if n.dead {
			continue
		}
		c.bounds(n)
		if s := n.Size(); s.Pushes+s.Pulls+s.QueuePlaces+s.Staged > 0 {
			return c.fault(n, "it is not at rest: %+v", s)
		}
		if first == nil {
			first = n
		} else if n.Digest() != first.Digest() {
			return c.fault(n, "its digest is not node %d's", first.at)
		}
		if !bytes.Equal(n.Catalogue(), want) {
			return c.fault(n, "its catalogue is\n%sand must be\n%s", n.Catalogue(), want)
		}
	}
	return nil
}
