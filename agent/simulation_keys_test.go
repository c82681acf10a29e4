package agent

import (
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"covey/internal/fault"
)

// TestSimulatedKeyRotation changes the gossip key over a lossy network while all agents
// write, several times over. Each step is repeated until all have taken it, as the
// operator is told to; who is taken for failed at that moment is not among those asked. What was sealed before a step and is late is refused after it, and
// repaired like any other loss.
func TestSimulatedKeyRotation(t *testing.T) {
	simulate(t, 15, func(s *simulation) {
		s.want("lost", "overtaken", "keys changed")
		s.startAll()
		each(s.up(), (*simAgent).register)
		s.settle("joined", patience)
		s.net.SetLink(lossy)
		key := string(s.agents[0].config().Encrypt)
		for round := range 3 {
			next := fmt.Sprintf("%032d", round)
			for _, step := range []struct{ change, key string }{{"install", next}, {"use", next}, {"remove", key}} {
				s.changeKey(step.change, step.key)
			}
			key = next
			s.done["keys changed"]++
		}
		s.settle("the last key, still lossy", patience)
		s.net.SetLink(lan)
		s.settle("no longer lossy", patience)
		for _, a := range s.up() {
			k, err := a.Keyring(s.Context())
			for n := 0; n < 5 && (err != nil || k.Nodes < len(s.agents)); n++ { // who is taken for failed is not asked
				s.wait(time.Second)
				k, err = a.Keyring(s.Context())
			}
			if err != nil || len(k.Keys) != 1 || k.Primary[encoded(key)] != len(s.agents) {
				s.fault("asked by %s, the agents have the keys %+v, %v", a.name, k, err)
			}
		}
		s.quiet()
	})
}

// changeKey has any of the agents take one step, while all of them write.
func (s *simulation) changeKey(change, key string) {
	s.Helper()
	for range 20 {
		failed := make(chan error, 1)
		a := s.some(1)[0]
		go func() {
			k, err := a.ChangeKey(s.Context(), change, encoded(key))
			if err == nil && k.Nodes < len(s.agents) {
				err = fmt.Errorf("%d of %d agents were asked", k.Nodes, len(s.agents))
			}
			if change == "remove" && fault.KindOf(err) == fault.NotFound {
				err = nil // the last time did remove it, wherever it was
			}
			failed <- err
		}()
		for waiting := true; waiting; {
			each(s.some(3), (*simAgent).write)
			s.wait(100 * time.Millisecond)
			select {
			case err := <-failed:
				if err == nil {
					return
				}
				s.done["steps repeated"]++
				waiting = false
			default:
			}
		}
	}
	s.fatal("the agents do not %s a key", change)
}

func encoded(key string) string { return base64.StdEncoding.EncodeToString([]byte(key)) }
