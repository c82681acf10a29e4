package e2e

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"covey/e2e/rig"
)

// outcome reports to an agent what came of a call, and returns whether that ejects.
func outcome(t *testing.T, a *rig.Agent, id, result string) bool {
	t.Helper()
	res, err := a.Do("PUT", "/v1/covey/report/item-service/"+url.PathEscape(id)+"?result="+result, nil)
	if err == nil {
		err = res.OK()
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(res.Body), `"Ejected":true`)
}

// answered returns nil if the agent answers these addresses for item-service and no other.
func answered(a *rig.Agent, want ...rig.Endpoint) error {
	m, err := a.Ask(itemService, "A")
	if err != nil {
		return err
	}
	var got, addresses []string
	for _, rr := range m.Answer {
		got = append(got, rr.String()[strings.LastIndex(rr.String(), "\t")+1:])
	}
	for _, e := range want {
		addresses = append(addresses, e.Address)
	}
	slices.Sort(got)
	slices.Sort(addresses)
	if !slices.Equal(got, addresses) {
		return fmt.Errorf("%s answers %v, want %v", a.Node, got, addresses)
	}
	return a.Answers(itemService, want...)
}

// What callers on a host report counts in the answers of its own agent, and only there.
func TestFailedCallsEjectAnInstance(t *testing.T) {
	begin(t)
	agents := startCluster(t, 2)
	var all []rig.Endpoint
	for i := range 3 {
		body, e := item(fmt.Sprintf("item-%d", i), fmt.Sprintf("192.0.2.%d", i+1), i+1, nil)
		put(t, agents[1], register, body)
		all = append(all, e)
	}
	for _, a := range agents {
		answers(t, soon, a, all...)
	}
	a := agents[0]
	is := func(when string, want ...rig.Endpoint) {
		t.Helper()
		if err := answered(a, want...); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	for range 30 {
		if outcome(t, a, "item-0", "ok") {
			t.Error("a call that went well ejects")
		}
	}
	for range 3 { // never five in a row
		for range 4 {
			outcome(t, a, "item-0", "failed")
		}
		outcome(t, a, "item-0", "ok")
	}
	is("no five calls in a row failed", all...)
	for n := range 5 {
		if ejected := outcome(t, a, "item-0", "failed"); ejected != (n == 4) {
			t.Errorf("failure %d: ejected %v", n+1, ejected)
		}
	}
	is("five calls in a row failed", all[1:]...)
	if out := covey(t, a, "lookup", "--explain", "item-service"); !strings.Contains(out, "ejected: ") || !strings.Contains(out, "item-0") {
		t.Errorf("covey lookup does not say who is ejected:\n%s", out)
	}
	if err := answered(agents[1], all...); err != nil {
		t.Errorf("the other agent was told nothing: %v", err)
	}
	// One of three is the most; the last would never be.
	for _, id := range []string{"item-1", "item-2"} {
		for range 20 {
			if outcome(t, a, id, "failed") {
				t.Errorf("%s is ejected as well", id)
			}
		}
	}
	is("all fail", all[1:]...)
	for _, id := range []string{"item-0", "item-1"} {
		put(t, agents[1], "/v1/agent/service/deregister/"+id, nil)
	}
	answers(t, soon, a, all[2])
	for range 20 {
		outcome(t, a, "item-2", "failed")
	}
	is("the last one fails", all[2])
	if res, err := a.Do("PUT", "/v1/covey/report/item-service/item-0?result=failed", nil); err != nil || res.Code != 404 {
		t.Errorf("a report of one that is gone: %d, %v", res.Code, err)
	}
}
