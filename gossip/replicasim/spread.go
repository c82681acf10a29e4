package replicasim

import (
	"slices"
	"time"
)

// Spread is how one change reached the others.
type Spread struct {
	Nodes  int // that could be reached
	Missed int // of them, at the end
	// Delays of those that learned of it, from first to last.
	Delays []time.Duration
	// Payloads is how many frames with the change were sent for each node, Bytes how
	// much it was, frames of repair included.
	Payloads, Bytes float64
}

// Percentile returns the delay within which that part (0..1) of the nodes learned.
func (s *Spread) Percentile(p float64) time.Duration {
	if len(s.Delays) == 0 {
		return 0
	}
	return s.Delays[min(len(s.Delays)-1, int(p*float64(len(s.Delays))))]
}

// payloadSize tells frames that carry the change from those that only compare.
const payloadSize = 100

// Update has one node change an entry and watches it spread for a while. The world's
// hooks are the measurement's meanwhile.
func (w *World) Update(node int, watch time.Duration) Spread {
	begin := w.now
	heard := make(map[int]time.Duration, len(w.nodes))
	payloads, bytes := 0, 0
	w.Learned = func(n, owner int, at time.Duration) {
		if _, ok := heard[n]; !ok && owner == node && !w.nodes[n].dead {
			heard[n] = at - begin
		}
	}
	w.Sent = func(_ int, frame []byte) {
		bytes += len(frame)
		if len(frame) >= payloadSize {
			payloads++
		}
	}
	w.Put(node, "s/web", string(slices.Repeat([]byte("x"), 150)))
	w.Run(watch)
	w.Learned, w.Sent = nil, nil
	s := Spread{}
	for i, n := range w.nodes {
		if n.dead || i == node {
			continue
		}
		s.Nodes++
		if d, ok := heard[i]; ok {
			s.Delays = append(s.Delays, d)
		} else {
			s.Missed++
		}
	}
	slices.Sort(s.Delays)
	s.Payloads, s.Bytes = float64(payloads)/float64(s.Nodes), float64(bytes)/float64(s.Nodes)
	return s
}
