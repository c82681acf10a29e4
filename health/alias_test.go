package health

import (
	"crypto/md5"
	"strings"
	"testing"

	"covey/catalog"
	"covey/catalog/definition"
)

// aliasBed is a catalogue that alias checks look at, on node n1.
type aliasBed struct {
	*live
	store *catalog.Store
}

func startAlias(t *testing.T) *aliasBed {
	b := &aliasBed{store: catalog.NewStore(1)}
	b.live = startLive(t, Config{Catalog: func() Catalog { return Catalog{View: b.store.View(), Node: "n1"} }})
	b.state("n1", catalog.Alive)
	return b
}

// state states a node with its checks, passing ones by "name", others by "name=status".
func (b *aliasBed) state(node string, l catalog.Liveness, checks ...string) {
	id := catalog.NodeID(md5.Sum([]byte(node)))
	n := &catalog.Node{ID: id, Name: node, Address: "10.0.0.1", Datacenter: "dc1", Checks: checksOf(checks)}
	b.store.Apply(catalog.Update{Owner: id, Put: []catalog.Record{n}})
	b.store.SetLiveness(id, l)
}

func (b *aliasBed) service(node, id string, checks ...string) {
	i := &catalog.Instance{ID: id, Service: "db", Weights: catalog.DefaultWeights, Checks: checksOf(checks)}
	b.store.Apply(catalog.Update{Owner: catalog.NodeID(md5.Sum([]byte(node))), Put: []catalog.Record{i}})
}

func checksOf(list []string) []catalog.Check {
	var checks []catalog.Check
	for _, text := range list {
		id, word, _ := strings.Cut(text, "=")
		status, err := catalog.ParseStatus(word)
		if err != nil {
			status = catalog.Passing
		}
		checks = append(checks, catalog.Check{ID: id, Name: id, Status: status, Output: "so it is"})
	}
	return checks
}

func TestAnAliasFollowsAServiceWithoutAPoll(t *testing.T) {
	b := startAlias(t)
	b.Set(onceIn(definition.Check{AliasService: "db-1"}), catalog.Passing, "")
	b.wait(t, catalog.Critical, "there is no service db-1 on node n1")
	b.service("n1", "db-1", "port")
	b.wait(t, catalog.Passing, "All checks passing.")
	b.service("n1", "db-1", "port", "disk=warning")
	b.wait(t, catalog.Warning, "Aliased check disk is warning: so it is")
	b.service("n1", "db-1", "port=critical", "disk=warning")
	b.wait(t, catalog.Critical, "Aliased check port is critical: so it is")
	b.service("n1", "db-1")
	b.wait(t, catalog.Passing, "All checks passing.")
	b.state("n1", catalog.Alive, "disk=critical") // the node's checks are the service's too
	b.wait(t, catalog.Critical, "Aliased check disk is critical: so it is")
}

func TestAnAliasFollowsANode(t *testing.T) {
	b := startAlias(t)
	b.Set(onceIn(definition.Check{AliasNode: "N2"}), catalog.Passing, "")
	b.wait(t, catalog.Critical, "there is no node N2")
	b.state("n2", catalog.Alive)
	b.service("n2", "db-1", "port=critical") // which is not what was asked for
	b.wait(t, catalog.Passing, "All checks passing.")
	b.state("n2", catalog.Failed)
	b.wait(t, catalog.Critical, "Aliased check Serf Health Status is critical: Agent not live or unreachable")
	b.state("n2", catalog.Alive, "disk=warning")
	b.wait(t, catalog.Warning, "Aliased check disk")

	b.Set(onceIn(definition.Check{AliasNode: "n2", AliasService: "db-1"}), catalog.Passing, "")
	b.wait(t, catalog.Critical, "Aliased check port")
}

// A check of a node that is an alias of that node would hold itself where it is.
func TestAnAliasDoesNotFollowItself(t *testing.T) {
	b := startAlias(t)
	b.state("n1", catalog.Alive, "it=critical")
	b.Set(onceIn(definition.Check{AliasNode: "n1"}), catalog.Critical, "")
	b.wait(t, catalog.Passing, "All checks passing.")
}

// More changes than may be followed at once: the last one counts all the same.
func TestAnAliasFollowsTheLastOfManyChanges(t *testing.T) {
	b := startAlias(t)
	b.service("n1", "db-1")
	b.Set(onceIn(definition.Check{AliasService: "db-1"}), catalog.Critical, "")
	b.wait(t, catalog.Passing, "")
	for range 3 * allowanceBurst {
		b.service("n1", "db-1", "port=critical")
		b.service("n1", "db-1", "port")
	}
	b.service("n1", "db-1", "port=warning")
	b.live.wait(t, catalog.Warning)
}

// wait returns when the check is reported so.
func (b *aliasBed) wait(t *testing.T, status catalog.Status, output string) {
	t.Helper()
	if r := b.live.wait(t, status); !strings.Contains(r.Output, output) {
		t.Errorf("%v %q, want %q", r.Status, r.Output, output)
	}
}

// Who drains wants to be out, and so does what stands for it; but who is the alias itself
// wants nothing of itself.
func TestAnAliasOfWhoDrainsDrains(t *testing.T) {
	store := catalog.NewStore(1)
	b := &aliasBed{store: store}
	b.state("n1", catalog.Alive)
	judge := func(checks ...catalog.Check) verdict {
		i := &catalog.Instance{ID: "db-1", Service: "db", Weights: catalog.DefaultWeights, Checks: checks}
		store.Apply(catalog.Update{Owner: catalog.NodeID(md5.Sum([]byte("n1"))), Put: []catalog.Record{i}})
		p := &aliasProbe{service: "db-1", id: "alias"}
		return p.judge(Catalog{View: store.View(), Node: "n1"})
	}
	fails := catalog.Check{ID: "port", Status: catalog.Critical}
	drains := catalog.Check{ID: "agent", Status: catalog.Critical, Withdrawn: true}
	maintained := catalog.Check{ID: catalog.ServiceMaintenancePrefix + "db-1", Status: catalog.Critical}
	itself := catalog.Check{ID: "alias", Status: catalog.Critical, Withdrawn: true}
	if v := judge(fails, itself); v.status != catalog.Critical || v.wish {
		t.Errorf("of a failing one: %+v", v)
	}
	for _, c := range []catalog.Check{drains, maintained} {
		if v := judge(fails, c); v.status != catalog.Critical || !v.wish {
			t.Errorf("of one with %s: %+v", c.ID, v)
		}
	}
}
