package agent

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"covey/catalog"
	"covey/gossip/replica"
)

// BenchmarkMemory reports the live heap that an instance takes at an agent which has it
// from a peer: in the replica and in the catalogue, with its share of what its owner and
// its service take. The instances are 100 on each of 1,000 hosts, 100 to a service.
func BenchmarkMemory(b *testing.B) {
	const owners, each, services = 1000, 100, 1000
	for _, kind := range []struct {
		name   string
		output func(owner, i int) string
	}{
		{"ttl", func(int, int) string { return "" }},
		{"http", func(owner, i int) string {
			return fmt.Sprintf("HTTP GET http://10.1.%d.%d:8080/health: 200 OK Output: ok", owner/256, owner%256)
		}},
	} {
		b.Run(kind.name, func(b *testing.B) {
			for b.Loop() {
				before := liveHeap()
				a := &Agent{catalog: catalog.NewStore(1)}
				core, err := replica.New(replica.Config{Self: replica.ID{0xff}, Epoch: 1, Validate: a.validate}, time.Now())
				if err != nil {
					b.Fatal(err)
				}
				for owner := range owners {
					deliver(b, a, core, owner, each, services, kind.output)
				}
				perInstance := float64(liveHeap()-before) / (owners * each)
				b.ReportMetric(perInstance, "B/instance")
				n := 0
				for s := range a.catalog.View().Services() {
					n += len(s.Endpoints)
				}
				if n != owners*each {
					b.Fatalf("%d instances arrived", n)
				}
				runtime.KeepAlive(core)
			}
		})
	}
}

// deliver has one owner, a core of its own, register its instances and hand them over.
func deliver(b *testing.B, a *Agent, to *replica.Core, n, instances, services int, output func(owner, i int) string) {
	id := replica.ID{1, byte(n >> 8), byte(n)}
	from, err := replica.New(replica.Config{Self: id, Epoch: 7}, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	to.SetMember(time.Now(), id, replica.Alive)
	a.setMember(id, replica.Alive)
	from.SetMember(time.Now(), replica.ID{0xff}, replica.Alive)
	records := []catalog.Record{&catalog.Node{ID: catalog.NodeID(id), Name: fmt.Sprint("host-", n), Address: fmt.Sprintf("10.1.%d.%d", n/256, n%256), Datacenter: "dc1"}}
	for i := range instances {
		x := n*instances + i
		iid := fmt.Sprint("bulk-", x)
		records = append(records, &catalog.Instance{
			ID: iid, Service: fmt.Sprint("bulk-service-", x%services), Port: 8080, Tags: []string{"v1"},
			Address: fmt.Sprintf("10.%d.%d.%d", x>>16, x>>8&255, x&255), Weights: catalog.DefaultWeights,
			Checks: []catalog.Check{{ID: "service:" + iid, Name: "Service 'bulk-service' check", Type: "ttl", Output: output(n, i)}},
		})
	}
	for _, r := range records {
		from.Local(time.Now(), replica.Put{Key: r.Key(), Payload: catalog.Encode(r)})
	}
	for more := true; more; {
		fx := from.Flush()
		for _, s := range fx.Sends {
			to.Receive(time.Now(), id, s.Frame)
		}
		fx2 := to.Flush()
		a.apply(fx2.Changes)
		for _, f := range fx2.Faults {
			b.Fatal(f.Err)
		}
		more = fx.More
	}
}

func liveHeap() uint64 {
	for range 3 { // cleanups and finalizers free what the next collection finds
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
