package gossip

import (
	"context"
	"log"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// serfLog turns serf's and memberlist's log lines ("[WARN] memberlist: ...") into
// records, and holds back those that repeat: a peer with the wrong key would otherwise
// write a line for every packet it sends.
type serfLog struct {
	log     *slog.Logger
	refused *refusals

	mu   sync.Mutex // guards seen
	seen map[string]time.Time
}

func newSerfLogger(l *slog.Logger, r *refusals) *log.Logger {
	return log.New(&serfLog{log: l, refused: r, seen: map[string]time.Time{}}, "", 0)
}

// refusalWords tell which of their errors mean that a peer was refused.
var refusalWords = []struct{ words, reason string }{
	{"label", refusedLabel},
	{"decrypt", refusedKey},
	{"No installed keys", refusedKey},
	{"ncryption is ", refusedKey},
	{"encrypted", refusedKey},
	{"protocol version", refusedVersion},
	{"rotocol", refusedVersion},
}

// Write implements io.Writer for one line.
func (s *serfLog) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	level, text := serfLevel(text)
	if level >= slog.LevelWarn {
		for _, w := range refusalWords {
			if strings.Contains(text, w.words) {
				s.refused.note(w.reason, "refused a peer", "reason", text)
				return len(line), nil
			}
		}
	}
	if level < slog.LevelWarn || s.fresh(text) {
		s.log.Log(context.Background(), level, text)
	}
	return len(line), nil
}

// fresh reports whether the like of text has not been logged for a minute. The like
// is told by what stands before the first digit or quote.
func (s *serfLog) fresh(text string) bool {
	kind := text
	if i := strings.IndexAny(text, "0123456789'\""); i > 0 {
		kind = text[:i]
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.seen[kind]; ok && now.Sub(last) < time.Minute {
		return false
	}
	if len(s.seen) > 200 {
		clear(s.seen)
	}
	s.seen[kind] = now
	return true
}

// serfLevel splits "[LEVEL] text". Serf's INFO lines tell of every member's every
// step, which this package logs itself, so they are for debugging only.
func serfLevel(line string) (slog.Level, string) {
	word, text, ok := strings.Cut(strings.TrimPrefix(line, "["), "] ")
	if !ok || !strings.HasPrefix(line, "[") {
		return slog.LevelInfo, line
	}
	switch word {
	case "ERR", "ERROR":
		return slog.LevelError, text
	case "WARN":
		return slog.LevelWarn, text
	default:
		return slog.LevelDebug, text
	}
}
