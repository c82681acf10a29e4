package replica

import (
	"testing"
	"time"
)

func TestLagLastsFromTheFirstDifferenceToTheFirstAgreement(t *testing.T) {
	c, began := &Core{}, time.Unix(1_000, 0)
	at := func(s int) time.Time { return began.Add(time.Duration(s) * time.Second) }
	for _, step := range []struct {
		second int
		root   string // what a peer sent then
		want   time.Duration
	}{
		{0, "", 0},
		{1, "equal", 0},
		{2, "differs", 0},
		{5, "differs", 3 * time.Second},
		{6, "", 4 * time.Second},
		{7, "equal", 0},
		{8, "", 0},
		{9, "differs", 0},
		{19, "", 10 * time.Second},
		{20, "", 0}, // the peer has fallen silent: nothing is known of a difference
		{21, "differs", 12 * time.Second},
	} {
		if step.root != "" {
			c.lag.hear(at(step.second), step.root == "equal")
		}
		if got := c.Lag(at(step.second)); got != step.want {
			t.Errorf("second %d: %v, want %v", step.second, got, step.want)
		}
	}
}
