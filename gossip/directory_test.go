package gossip

import (
	"fmt"
	"testing"
	"time"

	"covey/gossip/replica"
)

func TestAnIdFollowsFromTheNamesThatBearIt(t *testing.T) {
	x, y := replica.ID{1}, replica.ID{2}
	const alive, failed = replica.Alive, replica.Failed
	now := time.Unix(0, 0)
	for _, c := range []struct {
		name string
		do   func(d *directory) []consequence
		want string // of the last step
	}{
		{"a newcomer", func(d *directory) []consequence { return d.set("a", bearer{id: x, state: alive}) }, "[1 alive]"},
		{"nothing new", func(d *directory) []consequence {
			d.set("a", bearer{id: x, state: alive})
			return d.set("a", bearer{id: x, state: alive})
		}, "[]"},
		{"a failure", func(d *directory) []consequence {
			d.set("a", bearer{id: x, state: alive})
			return d.set("a", bearer{id: x, state: failed})
		}, "[1 failed]"},
		{"a renamed node's old name fails", func(d *directory) []consequence {
			d.set("a", bearer{id: x, state: alive, since: now})
			d.set("b", bearer{id: x, state: alive, since: now.Add(1)})
			return d.set("a", bearer{id: x, state: failed})
		}, "[]"},
		{"a renamed node's old name is forced to leave", func(d *directory) []consequence {
			d.set("a", bearer{id: x, state: failed})
			d.set("b", bearer{id: x, state: alive})
			return d.remove("a")
		}, "[]"},
		{"a lost disk", func(d *directory) []consequence {
			d.set("a", bearer{id: x, state: alive})
			return d.set("a", bearer{id: y, state: alive})
		}, "[1 gone 2 alive]"},
		{"a lost disk of a renamed node", func(d *directory) []consequence {
			d.set("a", bearer{id: x, state: failed})
			d.set("b", bearer{id: x, state: alive})
			return d.set("a", bearer{id: y, state: alive})
		}, "[2 alive]"},
		{"the last name goes", func(d *directory) []consequence {
			d.set("a", bearer{id: x, state: alive})
			return d.remove("a")
		}, "[1 gone]"},
		{"an unknown name goes", func(d *directory) []consequence { return d.remove("a") }, "[]"},
	} {
		d := newDirectory()
		var got []any
		for _, q := range c.do(d) {
			got = append(got, q.id[0])
			switch {
			case q.gone:
				got = append(got, "gone")
			case q.state == alive:
				got = append(got, "alive")
			case q.state == failed:
				got = append(got, "failed")
			}
		}
		if text := fmt.Sprint(got); text != c.want {
			t.Errorf("%s: %s, want %s", c.name, text, c.want)
		}
		for id, m := range d.ids {
			if d.names[m.name] == nil || d.names[m.name].id != id {
				t.Errorf("%s: %v is said to bear %q", c.name, id, m.name)
			}
		}
	}
}
