package measure

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"
)

// Observer looks for marks in the DNS answers of all agents: one goroutine, one UDP
// socket, prepared packets. An agent is asked one question at a time, only while it has
// a mark to show, and after an answer without it not again for a while: who is asked
// without pause has no time for anything else.
type Observer struct {
	conn    *net.UDPConn
	agents  []asked
	byAddr  map[netip.AddrPort]*asked
	pause   time.Duration // between two questions to one agent that had no news
	patient bool          // see asked.lead
	marks   chan *Mark
}

// asked is an agent as the observer knows it.
type asked struct {
	index   int
	addr    netip.AddrPort
	pending []*Mark   // the oldest is asked for
	absent  time.Time // when pending[0] was last asked for in vain
	sent    time.Time // when the question under way was sent; zero if none is
	due     time.Time // when to ask next
	id      uint16    // of the question under way
	tries   int       // how often pending[0] was asked for
	// lead is how long after a mark was made a patient observer first asks: as long as
	// half of the earlier ones took. So most are seen with one or two questions, which
	// would otherwise be the greater part of all that agents do. What was there
	// earlier is seen late, never early.
	lead time.Duration
}

const (
	// PatientPause is short, since few agents are asked twice; LongPause is many times
	// what asking all of fifty agents costs both sides.
	PatientPause = 500 * time.Microsecond
	LongPause    = 10 * time.Millisecond

	leadStep   = 50 * time.Microsecond
	answerTime = 200 * time.Millisecond // then the question is asked again
	newsTime   = 500 * time.Microsecond // at most, until a new mark is taken up
)

// Observe starts an observer of the agents that answer DNS at the addresses given; stop
// ends it and waits. It asks each agent again after pause, or, if patient, when an answer
// is likely.
func Observe(agents []string, pause time.Duration, patient bool) (o *Observer, stop func(), err error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, nil, err
	}
	o = &Observer{
		conn: conn, byAddr: map[netip.AddrPort]*asked{}, agents: make([]asked, len(agents)),
		pause: pause, patient: patient,
		marks: make(chan *Mark, 1<<16),
	}
	for i, a := range agents {
		addr := netip.MustParseAddrPort(a)
		o.agents[i] = asked{index: i, addr: addr}
		o.byAddr[addr] = &o.agents[i]
	}
	ended := make(chan struct{})
	go func() {
		o.run()
		close(ended)
	}()
	return o, func() { close(o.marks); conn.Close(); <-ended }, nil
}

// Expect has the observer look for a mark from now on.
func (o *Observer) Expect(m *Mark) { o.marks <- m }

// Await waits until every agent has shown m.
func (o *Observer) Await(m *Mark, limit time.Duration) error {
	select {
	case <-m.done:
		return nil
	case <-time.After(limit):
		return fmt.Errorf("what is looked for is not everywhere after %v", limit)
	}
}

func (o *Observer) run() {
	buf := make([]byte, 4096)
	for o.takeMarks() {
		next := o.ask(time.Now())
		_ = o.conn.SetReadDeadline(next)
		n, from, err := o.conn.ReadFromUDPAddrPort(buf)
		switch {
		case err == nil:
			if a := o.byAddr[netip.AddrPortFrom(from.Addr().Unmap(), from.Port())]; a != nil {
				o.answered(a, buf[:n], time.Now())
			}
		case errors.Is(err, net.ErrClosed):
			return
		case !errors.Is(err, os.ErrDeadlineExceeded):
			time.Sleep(o.pause) // an agent that does not listen; the run will fail by time
		}
	}
}

// takeMarks takes up what is new, and waits for it if nothing else is to be done. It
// returns false when there will be no more.
func (o *Observer) takeMarks() bool {
	idle := true
	for i := range o.agents {
		idle = idle && len(o.agents[i].pending) == 0
	}
	if idle {
		m, ok := <-o.marks
		if !ok {
			return false
		}
		o.take(m)
	}
	for {
		select {
		case m, ok := <-o.marks:
			if !ok {
				return false
			}
			o.take(m)
		default:
			return true
		}
	}
}

func (o *Observer) take(m *Mark) {
	for i := range o.agents {
		a := &o.agents[i]
		if len(a.pending) == 0 {
			a.absent, a.due, a.tries = m.Since, m.Since.Add(a.lead), 0
		}
		a.pending = append(a.pending, m)
	}
}

// ask sends what is due and returns when to look again at the latest.
func (o *Observer) ask(now time.Time) time.Time {
	next := now.Add(newsTime)
	for i := range o.agents {
		a := &o.agents[i]
		if len(a.pending) == 0 {
			continue
		}
		if !a.sent.IsZero() && now.Sub(a.sent) < answerTime {
			continue
		}
		if a.due.After(now) {
			if a.due.Before(next) {
				next = a.due
			}
			continue
		}
		a.id++
		q := a.pending[0].query
		q[0], q[1] = byte(a.id>>8), byte(a.id)
		a.sent = time.Now()
		_, _ = o.conn.WriteToUDPAddrPort(q, a.addr) // what is not answered is asked again
	}
	return next
}

// answered takes an answer. After good news the next question follows at once.
func (o *Observer) answered(a *asked, answer []byte, now time.Time) {
	if a.sent.IsZero() || len(answer) < 12 || answer[0] != byte(a.id>>8) || answer[1] != byte(a.id) {
		return // to a question that was given up
	}
	sent := a.sent
	a.sent = time.Time{}
	m := a.pending[0]
	shown := m.shownBy(answer)
	if a.tries++; o.patient && a.tries == 1 {
		a.learn(shown)
	}
	if !shown {
		a.absent, a.due = sent, sent.Add(o.pause)
		return
	}
	m.Seen[a.index], m.Late[a.index] = now, now.Sub(a.absent)
	if m.left--; m.left == 0 {
		close(m.done)
	}
	a.pending, a.tries = a.pending[1:], 0
	a.due = now
	if len(a.pending) > 0 {
		a.absent = a.pending[0].Since
	}
}

// learn moves lead towards where the first question is in vain half of the time.
func (a *asked) learn(shown bool) {
	if shown {
		a.lead -= a.lead / 8
	} else {
		a.lead += a.lead/8 + leadStep
	}
}
