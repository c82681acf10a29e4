package gossip

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

// refusals counts what was refused, by reason, and logs each reason once a minute at
// most, however much comes.
type refusals struct {
	log *slog.Logger

	mu     sync.Mutex // guards what follows
	counts map[string]uint64
	logged map[string]time.Time
}

// Reasons, as they appear in the counters.
const (
	refusedVersion = "refused_protocol_version"
	refusedKey     = "refused_key"
	refusedPlain   = "refused_plaintext"
	refusedLabel   = "refused_cluster"
	refusedFrame   = "refused_frame"
	refusedTwin    = "duplicate_node_id"
	refusedRival   = "duplicate_node_name"
	unsavedKeys    = "unsaved_gossip_keys"
	crowdedOut     = "streams_crowded_out"
)

func newRefusals(log *slog.Logger) *refusals {
	return &refusals{log: log, counts: map[string]uint64{}, logged: map[string]time.Time{}}
}

// count notes that something from a peer was refused.
func (r *refusals) count(err error, from net.Addr) {
	peer := "an unknown peer"
	if from != nil {
		peer = from.String()
		if host, _, e := net.SplitHostPort(peer); e == nil {
			peer = host
		}
	}
	r.note(reasonOf(err), "refused what a peer sent", "peer", peer, "reason", err)
}

// note counts under a reason and logs if this reason has been quiet for a minute.
func (r *refusals) note(reason, msg string, args ...any) {
	r.mu.Lock()
	r.counts[reason]++
	n, last := r.counts[reason], r.logged[reason]
	now := time.Now()
	quiet := last.IsZero() || now.Sub(last) >= time.Minute
	if quiet {
		r.logged[reason] = now
	}
	r.mu.Unlock()
	if quiet {
		r.log.Warn(msg, append(args, "total", n)...)
	}
}

func (r *refusals) copyTo(counters map[string]uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, reason := range []string{refusedVersion, refusedKey, refusedPlain, refusedLabel, refusedFrame, refusedTwin, refusedRival, unsavedKeys, crowdedOut} {
		counters[reason] = r.counts[reason]
	}
}

func reasonOf(err error) string {
	switch {
	case errors.Is(err, errVersion):
		return refusedVersion
	case errors.Is(err, errPlain):
		return refusedPlain
	case errors.Is(err, errKey), errors.Is(err, errEncrypted):
		return refusedKey
	case errors.Is(err, errLabel):
		return refusedLabel
	default:
		return refusedFrame
	}
}
