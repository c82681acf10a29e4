package e2e

import (
	"fmt"
	"strings"
	"testing"

	"covey/e2e/rig"
)

// A service that asks for it is answered regardless of health when too little of it is
// healthy, and whoever looks is told: on the command line, in the metrics, in the log.
func TestPanicIsTold(t *testing.T) {
	begin(t)
	a := startAgent(t, "agent-1", "--insecure-gossip")
	var all []rig.Endpoint
	for i := range 3 {
		body, e := item(fmt.Sprintf("item-%d", i), fmt.Sprintf("192.0.2.%d", i+1), 1,
			map[string]string{"CheckID": fmt.Sprint("check-", i), "TTL": "1h", "Status": "passing"})
		body["LB"] = map[string]int{"Panic": 50}
		put(t, a, register, body)
		all = append(all, e)
	}
	panicking := func(n int) error {
		res, err := a.Get("/metrics", nil)
		if err == nil && !strings.Contains(string(res.Body), fmt.Sprintf("\ncovey_lb_services_in_panic %d\n", n)) {
			err = fmt.Errorf("/metrics does not say that %d services are in panic", n)
		}
		return err
	}
	put(t, a, "/v1/agent/check/fail/check-0", nil)
	answers(t, soon, a, all[1:]...)
	must(t, panicking(0))
	put(t, a, "/v1/agent/check/fail/check-1", nil)
	answers(t, soon, a, all...)
	must(t, panicking(1))
	if out := covey(t, a, "lookup", "--explain", "item-service"); !strings.Contains(out, "panic threshold") {
		t.Errorf("covey lookup does not say that this is panic:\n%s", out)
	}
	put(t, a, "/v1/agent/check/pass/check-1", nil)
	answers(t, soon, a, all[1:]...)
	must(t, panicking(0))
	for _, says := range []string{"regardless of health", "by health again"} {
		if lines := a.Output.Lines(says); len(lines) != 1 || !strings.Contains(lines[0], "item-service") {
			t.Errorf("the log says %q in %q", says, lines)
		}
	}
}
