package replicasim

import (
	"fmt"
	"testing"
	"time"
)

func lan(seed uint64, nodes int) Config {
	return Config{Seed: seed, Nodes: nodes, Latency: Uniform(500*time.Microsecond, time.Millisecond), Loss: 0.01}
}

func TestTheSameSeedGivesTheSameWorld(t *testing.T) {
	run := func() string {
		w, err := New(lan(7, 300))
		if err != nil {
			t.Fatal(err)
		}
		w.Run(time.Second)
		s := w.Update(3, time.Second)
		return fmt.Sprint(s, w.Faults)
	}
	if a, b := run(), run(); a != b {
		t.Errorf("%s\nand then\n%s", a, b)
	}
}

func TestAnUpdateReachesAThousandNodesInMilliseconds(t *testing.T) {
	w, err := New(lan(1, 1000))
	if err != nil {
		t.Fatal(err)
	}
	w.Run(1500 * time.Millisecond)
	s := w.Update(0, 2*time.Second)
	if s.Missed > 0 || s.Percentile(0.99) > 12*time.Millisecond || s.Payloads > 3.5 {
		t.Errorf("missed %d, p99 %v, %.2f payloads a node", s.Missed, s.Percentile(0.99), s.Payloads)
	}
	if w.Faults.Lost == 0 {
		t.Error("nothing was lost: the links were too good to prove anything")
	}
}
