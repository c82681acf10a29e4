package dnsserver

import (
	"log/slog"
	"sync"
	"time"
)

// quietPeriod is how far apart the lines of one quietly are at least.
const quietPeriod = time.Minute

// quietly logs at most one line a minute, so that what strangers send cannot fill a
// disk. A line tells how many were kept back before it.
type quietly struct {
	log *slog.Logger

	mu   sync.Mutex // guards what follows
	last time.Time
	held int
}

// Error logs a line, or keeps it back.
func (q *quietly) Error(msg string, args ...any) {
	q.mu.Lock()
	now := time.Now()
	if !q.last.IsZero() && now.Sub(q.last) < quietPeriod {
		q.held++
		q.mu.Unlock()
		return
	}
	held := q.held
	q.last, q.held = now, 0
	q.mu.Unlock()
	if held > 0 {
		args = append(args, "held_back", held)
	}
	q.log.Error(msg, args...)
}
