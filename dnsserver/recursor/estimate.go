package recursor

import (
	"sync"
	"time"
)

// estimate is how soon a server is likely to answer. Its zero value is of one that was
// never asked, which is taken for the fastest until it is known better.
type estimate struct {
	mu       sync.Mutex // guards what follows
	rtt      time.Duration
	failures int           // in a row
	penalty  time.Duration // for these
	asked    time.Time     // when it last was, and waited for or not
	told     time.Time     // when the log last said that it fails
	silent   bool          // the log says that it fails
}

const (
	// probeInterval is after how long without a question a server is measured again.
	probeInterval = 10 * time.Second
	// failuresToTell is how many questions in a row must go without a reply before that is
	// logged: single ones are slow for reasons of their own.
	failuresToTell = 3
	// tellInterval lies between two log lines about one server.
	tellInterval = time.Minute
)

// answered takes in that a reply came, of whatever rcode. Round trips are smoothed as
// those of TCP are (RFC 6298); after a failure the past does not count.
func (e *estimate) answered(s *server, rtt time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.rtt == 0 || e.failures > 0 {
		e.rtt = rtt
	} else {
		e.rtt += (rtt - e.rtt) / 8
	}
	e.failures, e.penalty = 0, 0
	if e.silent {
		e.silent = false
		s.log.Info("dns: a recursor answers again", "recursor", s.addr.String())
	}
}

// failed takes in that no reply came.
func (e *estimate) failed(s *server, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failures++
	e.penalty += s.timeout
	now := time.Now()
	if !e.silent && e.failures >= failuresToTell && now.Sub(e.told) >= tellInterval {
		e.silent, e.told = true, now
		s.log.Warn("dns: a recursor does not answer; the others are asked, if there are any",
			"recursor", s.addr.String(), "failures", e.failures, "error", err)
	}
}

// score orders servers: the least is asked first. Each failure since the last reply
// counts as much as it made a client wait.
func (e *estimate) score() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rtt + e.penalty
}

// due reports whether the server has not been asked for so long that its estimate is
// old, and takes it for asked now.
func (e *estimate) due(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now.Sub(e.asked) < probeInterval {
		return false
	}
	e.asked = now
	return true
}
