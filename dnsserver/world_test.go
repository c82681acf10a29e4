package dnsserver

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"covey/catalog"
	"covey/lb"
)

// world is a catalogue that is written down line by line:
//
//	config  domain=local alt_domain=d datacenter=dc1 node_ttl=1s ttl.NAME=1s only_passing udp_answer_limit=3 a_record_limit=1
//	node    NAME ADDRESS [failed|unknown|external|STATUS] [meta.K:=V] [lan_ipv6=ADDRESS]
//	service NAME X@NODE [ADDRESS:PORT] [STATUS] [weight=N] [warning_weight=N] [tag=T]...
//	        [meta.K:=V] [lan_ipv6=ADDRESS] [load=RATE/UTILISATION/QUEUE]
//	failed  NODE, or alive: what becomes of it
//
// The instance's ID is NAME-X; "~" stands for a blank in metadata and tags.
type world struct {
	config  Config
	store   *catalog.Store
	owners  map[string]catalog.NodeID
	reports uint32 // of load, so far
}

func newWorld() *world {
	s := catalog.NewStore(0)
	w := &world{store: s, owners: map[string]catalog.NodeID{}}
	w.config = Config{Catalog: s, NodeName: "n1", ServiceTTL: map[string]time.Duration{}}
	return w
}

// worldOf reads a world from lines; it is the caller's to be right.
func worldOf(t testing.TB, text string) *world {
	t.Helper()
	w := newWorld()
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := w.add(line); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	return w
}

// resolver always draws the same order for the same question.
func (w *world) resolver(t testing.TB) *Resolver {
	t.Helper()
	r, err := NewResolver(w.config)
	if err != nil {
		t.Fatal(err)
	}
	r.random = func() *rand.Rand { return rand.New(rand.NewPCG(1, 1)) }
	return r
}

func (w *world) add(line string) error {
	words := strings.Fields(line)
	switch words[0] {
	case "config":
		return w.configure(words[1:])
	case "node":
		return w.addNode(words[1:])
	case "service":
		return w.addService(words[1:])
	case "alive":
		w.store.SetLiveness(w.owners[words[1]], catalog.Alive)
		return nil
	case "failed":
		w.store.SetLiveness(w.owners[words[1]], catalog.Failed)
		return nil
	}
	return fmt.Errorf("no such line")
}

func (w *world) configure(words []string) (err error) {
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		switch c := &w.config; key {
		case "domain":
			c.Domain = value
		case "alt_domain":
			c.AltDomain = value
		case "datacenter":
			c.Datacenter = value
		case "node":
			c.NodeName = value
		case "only_passing":
			c.OnlyPassing = true
		case "udp_answer_limit":
			c.UDPAnswerLimit, err = strconv.Atoi(value)
		case "srv_weight_scale":
			c.SRVWeightScale, err = strconv.Atoi(value)
		case "zone":
			w.balancer().Here.Zone = value
		case "region":
			w.balancer().Here.Region = value
		case "a_record_limit":
			c.ARecordLimit, err = strconv.Atoi(value)
		case "server_id":
			c.ServerID, c.Version = value, "1.2.3"
		case "min_ttl":
			c.SOA.MinTTL, err = time.ParseDuration(value)
		case "node_ttl":
			c.NodeTTL, err = time.ParseDuration(value)
		default:
			name, ok := strings.CutPrefix(key, "ttl.")
			if !ok {
				return fmt.Errorf("unknown key %q", key)
			}
			c.ServiceTTL[name], err = time.ParseDuration(value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *world) balancer() *lb.Balancer {
	if w.config.Balancer == nil {
		w.config.Balancer = &lb.Balancer{}
	}
	w.config.Balancer.Node = w.config.NodeName
	return w.config.Balancer
}

func (w *world) addNode(words []string) error {
	id := catalog.NodeID{1, byte(len(w.owners)), byte(len(w.owners) >> 8)}
	w.owners[words[0]] = id
	n := &catalog.Node{ID: id, Name: words[0], Address: words[1], Meta: map[string]string{}, TaggedAddresses: map[string]string{}}
	liveness := catalog.Alive
	for _, word := range words[2:] {
		switch {
		case word == "failed":
			liveness = catalog.Failed
		case word == "external":
			liveness = catalog.Outside
		case word == "unknown":
			liveness = catalog.Unknown
		case strings.HasPrefix(word, "meta."):
			putMeta(n.Meta, word)
		case strings.HasPrefix(word, "zone="):
			n.Zone = word[len("zone="):]
		case strings.HasPrefix(word, "region="):
			n.Region = word[len("region="):]
		case strings.HasPrefix(word, "lan_"):
			tag, address, _ := strings.Cut(word, "=")
			n.TaggedAddresses[tag] = address
		default:
			s, err := catalog.ParseStatus(word)
			if err != nil {
				return err
			}
			n.Checks = []catalog.Check{{ID: "disk", Status: s}}
		}
	}
	w.store.Apply(catalog.Update{Owner: id, Put: []catalog.Record{n}})
	w.store.SetLiveness(id, liveness)
	return nil
}

func (w *world) addService(words []string) error {
	id, node, _ := strings.Cut(words[1], "@")
	id = words[0] + "-" + id
	owner, ok := w.owners[node]
	if !ok {
		return fmt.Errorf("no node %q", node)
	}
	i := &catalog.Instance{ID: id, Service: words[0], Weights: catalog.DefaultWeights,
		Meta: map[string]string{}, TaggedAddresses: map[string]catalog.ServiceAddress{}}
	for _, word := range words[2:] {
		key, value, pair := strings.Cut(word, "=")
		number, _ := strconv.Atoi(value)
		switch {
		case strings.HasPrefix(word, "meta."):
			putMeta(i.Meta, word)
		case strings.HasPrefix(key, "lan_"):
			i.TaggedAddresses[key] = catalog.ServiceAddress{Address: value, Port: i.Port}
		case key == "tag":
			i.Tags = append(i.Tags, strings.ReplaceAll(value, "~", " "))
		case key == "load":
			w.reports++
			i.Load.Serial = w.reports
			if _, err := fmt.Sscanf(value, "%d/%d/%d", &i.Load.Rate, &i.Load.Utilisation, &i.Load.Queue); err != nil {
				return err
			}
		case key == "weight":
			i.Weights.Passing = uint16(number)
		case key == "warning_weight":
			i.Weights.Warning = uint16(number)
		case pair:
			return fmt.Errorf("unknown key %q", key)
		case strings.Contains(word, ":"):
			at := strings.LastIndexByte(word, ':')
			port, err := strconv.ParseUint(word[at+1:], 10, 16)
			if err != nil {
				return err
			}
			i.Address, i.Port = strings.Trim(word[:at], "[]"), uint16(port)
		default:
			s, err := catalog.ParseStatus(word)
			if err != nil {
				return err
			}
			i.Checks = []catalog.Check{{ID: id + ":check", Status: s}}
		}
	}
	w.store.Apply(catalog.Update{Owner: owner, Put: []catalog.Record{i}})
	return nil
}

func putMeta(meta map[string]string, word string) {
	key, value, _ := strings.Cut(strings.TrimPrefix(word, "meta."), ":=")
	meta[strings.ReplaceAll(key, "~", " ")] = strings.ReplaceAll(value, "~", " ")
}
