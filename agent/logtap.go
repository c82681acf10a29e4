package agent

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
)

// logTap passes what the agent logs on to where its log goes, and copies it to those who
// follow it over the API, each from a level of its own. Nobody following costs one look.
type logTap struct {
	next  slog.Handler
	lines [2]slog.Handler // as text and as JSON, into followers
	to    *followers
}

// followers are who follows the log.
type followers struct {
	lowest atomic.Int64 // level that any of them wants; noLevel if there is none

	mu   sync.Mutex // guards what follows
	list map[*follower]struct{}
	// line is the record being rendered: handlers write to it while mu is held.
	line bytes.Buffer
}

type follower struct {
	level  slog.Level
	format int // of logTap.lines
	lines  chan []byte
}

const (
	asText = iota
	asJSON
	noLevel    = 1 << 20
	maxUntaken = 512 // lines that a follower has not taken; further ones it does not get
)

func newLogTap(next slog.Handler) *logTap {
	to := &followers{list: map[*follower]struct{}{}}
	to.lowest.Store(noLevel)
	all := &slog.HandlerOptions{Level: slog.Level(-noLevel)}
	return &logTap{next, [2]slog.Handler{slog.NewTextHandler(&to.line, all), slog.NewJSONHandler(&to.line, all)}, to}
}

// Enabled implements slog.Handler.
func (t *logTap) Enabled(ctx context.Context, level slog.Level) bool {
	return int64(level) >= t.to.lowest.Load() || t.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (t *logTap) Handle(ctx context.Context, r slog.Record) error {
	if int64(r.Level) >= t.to.lowest.Load() {
		t.copy(ctx, r)
	}
	if !t.next.Enabled(ctx, r.Level) {
		return nil
	}
	return t.next.Handle(ctx, r)
}

func (t *logTap) copy(ctx context.Context, r slog.Record) {
	t.to.mu.Lock()
	defer t.to.mu.Unlock()
	var rendered [2][]byte
	for f := range t.to.list {
		if r.Level < f.level {
			continue
		}
		if rendered[f.format] == nil {
			t.to.line.Reset()
			_ = t.lines[f.format].Handle(ctx, r) // a buffer takes everything
			rendered[f.format] = bytes.Clone(t.to.line.Bytes())
		}
		select {
		case f.lines <- rendered[f.format]:
		default:
		}
	}
}

// WithAttrs implements slog.Handler.
func (t *logTap) WithAttrs(attrs []slog.Attr) slog.Handler {
	return t.with(func(h slog.Handler) slog.Handler { return h.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (t *logTap) WithGroup(name string) slog.Handler {
	return t.with(func(h slog.Handler) slog.Handler { return h.WithGroup(name) })
}

func (t *logTap) with(change func(slog.Handler) slog.Handler) *logTap {
	return &logTap{change(t.next), [2]slog.Handler{change(t.lines[asText]), change(t.lines[asJSON])}, t.to}
}

// follow copies lines from a level on until stop.
func (t *logTap) follow(level slog.Level, format int) (lines <-chan []byte, stop func()) {
	f := &follower{level, format, make(chan []byte, maxUntaken)}
	t.to.set(func(list map[*follower]struct{}) { list[f] = struct{}{} })
	return f.lines, func() { t.to.set(func(list map[*follower]struct{}) { delete(list, f) }) }
}

func (to *followers) set(change func(map[*follower]struct{})) {
	to.mu.Lock()
	defer to.mu.Unlock()
	change(to.list)
	lowest := int64(noLevel)
	for f := range to.list {
		lowest = min(lowest, int64(f.level))
	}
	to.lowest.Store(lowest)
}

// Monitor copies what the agent logs.
func (a *Agent) Monitor(level slog.Level, json bool) (lines <-chan []byte, stop func()) {
	if json {
		return a.tap.follow(level, asJSON)
	}
	return a.tap.follow(level, asText)
}
