package agent

import (
	"crypto/md5"
	"fmt"
	"strings"
	"testing"
	"time"

	"covey/catalog"
	"covey/internal/bubble"
)

// stage is a catalogue that a timeline follows, in virtual time.
type stage struct {
	*timeline
	store *catalog.Store
}

func onStage(t *testing.T, before func(s *stage), test func(s *stage)) {
	t.Helper()
	bubble.Test(t, func(t *testing.T) {
		s := &stage{timeline: &timeline{}, store: catalog.NewStore(1)}
		before(s)
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.follow(t.Context(), s.store.View)
		}()
		s.settle()
		test(s)
	})
}

// settle lets a second pass, in which all that changed is seen.
func (s *stage) settle() {
	time.Sleep(time.Second)
	bubble.Wait()
}

func (s *stage) host(name string, l catalog.Liveness, instances ...*catalog.Instance) {
	id := catalog.NodeID(md5.Sum([]byte(name)))
	put := []catalog.Record{&catalog.Node{ID: id, Name: name, Address: "10.0.0.1", Datacenter: "dc1"}}
	for _, i := range instances {
		put = append(put, i)
	}
	s.store.SetLiveness(id, l) // first: between the two calls the timeline may look already
	s.store.Apply(catalog.Update{Owner: id, Reset: true, Put: put})
	s.settle()
}

func inst(service, id string, status catalog.Status, output string) *catalog.Instance {
	return &catalog.Instance{ID: id, Service: service, Weights: catalog.DefaultWeights,
		Checks: []catalog.Check{{ID: "c", Name: "port", Status: status, Output: output}}}
}

// told returns the changes since it was last called, without their times.
func (s *stage) told(service string) string {
	var lines []string
	for _, c := range s.of(service) {
		lines = append(lines, fmt.Sprintf("%s %s/%s: %q -> %q, %s", c.Service, c.Node, c.Instance, c.From, c.To, c.Reason))
	}
	s.mu.Lock()
	s.ring, s.next = nil, 0
	s.mu.Unlock()
	return strings.Join(lines, "\n")
}

func (s *stage) want(t *testing.T, service string, want ...string) {
	t.Helper()
	if got := s.told(service); got != strings.Join(want, "\n") {
		t.Errorf("the timeline has\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestTheTimelineHasEveryChangeOfHealth(t *testing.T) {
	fine := inst("web", "w1", catalog.Passing, "ok")
	onStage(t, func(s *stage) { s.store.Apply() }, func(s *stage) {
		s.host("n1", catalog.Alive, fine)
		s.want(t, "", `web n1/w1: "" -> "passing", all checks pass`)
		s.host("n1", catalog.Alive, inst("web", "w1", catalog.Passing, "another output"), inst("api", "a1", catalog.Critical, ""))
		s.want(t, "", `api n1/a1: "" -> "critical", port`)
		s.host("n1", catalog.Alive, inst("web", "w1", catalog.Warning, "slow"), inst("api", "a1", catalog.Critical, "refused"))
		s.want(t, "", `web n1/w1: "passing" -> "warning", port: slow`)
		s.host("n2", catalog.Alive, inst("Web", "w1", catalog.Passing, ""))
		s.want(t, "", `Web n2/w1: "" -> "passing", all checks pass`)
		s.host("n2", catalog.Failed, inst("Web", "w1", catalog.Passing, ""))
		s.want(t, "", `Web n2/w1: "passing" -> "critical", Serf Health Status: Agent not live or unreachable`)
		s.host("n2", catalog.Alive, inst("Web", "w1", catalog.Passing, ""))
		s.want(t, "WEB", `Web n2/w1: "critical" -> "passing", all checks pass`)
		s.host("n1", catalog.Alive)
		s.want(t, "", `api n1/a1: "critical" -> "", deregistered, or its host left`,
			`web n1/w1: "warning" -> "", deregistered, or its host left`)
	})
}

// What an agent knows when it starts did not change then.
func TestTheTimelineBeginsWithoutWhatIsThere(t *testing.T) {
	onStage(t, func(s *stage) { s.host("n1", catalog.Alive, inst("web", "w1", catalog.Passing, "ok")) }, func(s *stage) {
		s.want(t, "")
		s.host("n1", catalog.Alive, inst("web", "w1", catalog.Critical, "gone"))
		s.want(t, "web", `web n1/w1: "passing" -> "critical", port: gone`)
		s.want(t, "other")
	})
}

func TestTheTimelineIsBounded(t *testing.T) {
	onStage(t, func(*stage) {}, func(s *stage) {
		for i := range timelineLength + 10 {
			s.host("n1", catalog.Alive, inst("web", "w1", catalog.Status(i%2), fmt.Sprint(i)))
		}
		all := s.of("")
		if len(all) != timelineLength || !strings.HasSuffix(all[len(all)-1].Reason, fmt.Sprint(timelineLength+9)) {
			t.Errorf("%d changes, the last %+v", len(all), all[len(all)-1])
		}
		for i := 1; i < len(all); i++ {
			if !all[i].Time.After(all[i-1].Time) {
				t.Fatalf("%v comes after %v", all[i], all[i-1])
			}
		}
	})
}
