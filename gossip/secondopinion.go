package gossip

import (
	"net"
	"net/netip"
	"time"

	"github.com/hashicorp/serf/serf"

	"covey/gossip/replica"
)

// A second opinion: when membership says that a node failed, this agent asks the node
// itself before it hides it. Membership hears of a failure from whoever noticed it, and
// one agent that was stalled or cut off takes all others for dead and says so; each of
// them contradicts, but for a moment all believe it. A node that answers stays, and is
// asked again until membership takes it back. One that does not is hidden, and asked some
// times more: all pings may have been lost, and membership may not hear for long that it
// was wrong.

const (
	secondPings = 4           // within twice the profile's ProbeTimeout; packets may be lost
	secondAgain = time.Second // between opinions on a node that answers
	// A node may be silent so many times in a row, with pauses between that double from
	// secondAgain: it is asked for a quarter of a minute.
	secondSilences = 5
)

// opinion is under way about one name.
type opinion struct{ addr netip.AddrPort }

// secondOpinion asks a node that membership has as failed whether it lives.
func (g *Gossip) secondOpinion(name string, b *bearer) {
	o := &opinion{b.addr}
	g.opinions[name] = o
	g.loop.Go(func() {
		silences := 0
		for asked := 0; ; asked++ {
			pause := secondAgain << silences
			lives := g.answersPing(name, o.addr)
			if silences++; lives {
				silences, pause = 0, secondAgain
			}
			holds := g.settled(name, o, func(b *bearer) {
				switch {
				case lives:
					g.contradicted(name, b, asked)
				case b.state == replica.Alive:
					g.hide(name, b)
				default:
					delete(g.accused.hidden, b.id)
				}
				if silences == secondSilences {
					delete(g.opinions, name)
				}
			})
			if !holds || silences == secondSilences {
				return
			}
			select {
			case <-time.After(pause):
			case <-g.stop:
				return
			}
		}
	})
}

// settled does what follows from an answer, unless membership spoke of the name again
// meanwhile: then it reports false.
func (g *Gossip) settled(name string, o *opinion, follow func(*bearer)) (holds bool) {
	g.do(func() {
		b := g.dir.names[name]
		if holds = b != nil && g.opinions[name] == o; holds {
			follow(b)
		}
	})
	return holds
}

// contradicted is for a node that membership says failed, and that answers.
func (g *Gossip) contradicted(name string, b *bearer, asked int) {
	if asked == 0 {
		g.counts.contradicted.Add(1)
	} else {
		g.mendWith(b.addr)
	}
	if b.state == replica.Failed {
		g.setName(name, bearer{id: b.id, addr: b.addr, state: replica.Alive, since: time.Now()})
	}
}

// hide is for a node that membership says failed, and that does not contradict.
func (g *Gossip) hide(name string, b *bearer) {
	delete(g.accused.hidden, b.id) // no accusation's end brings it back
	g.setName(name, bearer{id: b.id, addr: b.addr, state: replica.Failed, since: time.Now()})
}

// answersPing reports whether the agent at addr answers as that node. The pings overlap:
// one that is lost must not keep the next one waiting.
func (g *Gossip) answersPing(name string, addr netip.AddrPort) bool {
	answers, enough := make(chan bool, secondPings), make(chan struct{})
	defer close(enough)
	for i := range secondPings {
		g.loop.Go(func() {
			select {
			case <-time.After(time.Duration(i) * g.cfg.Timing.ProbeTimeout / secondPings):
				_, err := g.serf.Memberlist().Ping(name, net.UDPAddrFromAddrPort(addr))
				answers <- err == nil
			case <-enough:
			case <-g.stop:
				answers <- false
			}
		})
	}
	for range secondPings {
		if <-answers {
			return true
		}
	}
	return false
}

// failedMember is what follows when membership says that a member failed.
func (g *Gossip) failedMember(m *serf.Member) {
	b := g.dir.names[m.Name]
	if b == nil {
		return
	}
	if b.state == replica.Alive {
		g.secondOpinion(m.Name, b)
		return
	}
	g.hide(m.Name, b)
}
