package httpapi

import (
	"maps"
	"slices"

	"covey/catalog"
)

// wireChange is one event of a stream. What does not apply is left out.
type wireChange struct {
	Type    string // one of those below
	Index   uint64 // of the catalogue that shows it
	Node    string
	Service string   `json:",omitempty"`
	ID      string   `json:",omitempty"` // of the instance
	Address string   `json:",omitempty"`
	Port    uint16   `json:",omitempty"`
	Tags    []string `json:",omitempty"`
	Status  string   `json:",omitempty"`
	Was     string   `json:",omitempty"` // the status before
}

// What happens to nodes and instances.
const (
	changeNodeJoined   = "node-joined"
	changeNodeLeft     = "node-left"
	changeNodeStatus   = "node-status" // its liveness and its own checks
	changeRegistered   = "registered"
	changeDeregistered = "deregistered"
	changeModified     = "modified" // address, port, tags, weights or metadata
	changeHealth       = "health"   // of an instance, that of its host included
)

// changesBetween returns what a reader of one view must be told to know the other: nodes
// first, then service by service. It walks over both views' nodes, if one of these changed,
// and over the instances of the services that differ.
func changesBetween(old, now *catalog.View) []wireChange {
	var out []wireChange
	add := func(c wireChange) {
		c.Index = now.Index()
		out = append(out, c)
	}
	if old.NodesIndex() != now.NodesIndex() {
		nodesChanged(old, now, add)
	}
	for _, name := range slices.Compact(slices.Sorted(now.ChangedServices(old))) {
		if before, s := old.Service(name), now.Service(name); before != s {
			serviceChanges(before, s, add)
		}
	}
	return out
}

func nodesChanged(old, now *catalog.View, add func(wireChange)) {
	for h := range now.Hosts() {
		before := old.Host(h.Name)
		c := wireChange{Type: changeNodeStatus, Node: h.Name, Address: h.Address, Status: h.Status().String()}
		switch {
		case before == h:
		case before == nil:
			c.Type = changeNodeJoined
			add(c)
		case before.Status() != h.Status():
			c.Was = before.Status().String()
			add(c)
		}
	}
	for h := range old.Hosts() {
		if now.Host(h.Name) == nil {
			add(wireChange{Type: changeNodeLeft, Node: h.Name, Address: h.Address})
		}
	}
}

// endpointKey tells the instances of a service apart.
type endpointKey struct{ node, id string }

// serviceChanges compares what there was of a service with what there is; nil is nothing.
func serviceChanges(old, now *catalog.Service, add func(wireChange)) {
	before := map[endpointKey]*catalog.Endpoint{}
	if old != nil {
		for e := range old.All() {
			before[endpointKey{e.Host.Name, e.ID()}] = e
		}
	}
	if now != nil {
		for e := range now.All() {
			key := endpointKey{e.Host.Name, e.ID()}
			was := before[key]
			delete(before, key)
			endpointChanges(was, e, add)
		}
	}
	if len(before) == 0 {
		return
	}
	for e := range old.All() { // in order, as a map is not
		if before[endpointKey{e.Host.Name, e.ID()}] != nil {
			add(wireChange{Type: changeDeregistered, Service: e.Service, ID: e.ID(), Node: e.Host.Name, Address: e.Addr(), Port: e.Port})
		}
	}
}

func endpointChanges(was, e *catalog.Endpoint, add func(wireChange)) {
	if was == e {
		return
	}
	c := wireChange{
		Service: e.Service, ID: e.ID(), Node: e.Host.Name, Address: e.Addr(), Port: e.Port, Tags: e.Tags, Status: e.Status().String(),
	}
	if was == nil {
		c.Type = changeRegistered
		add(c)
		return
	}
	if was.Addr() != e.Addr() || was.Port != e.Port || was.Weights != e.Weights || !slices.Equal(was.Tags, e.Tags) ||
		was.Shape != e.Shape && !maps.Equal(was.Instance().Meta, e.Instance().Meta) {
		c.Type = changeModified
		add(c)
	}
	if was.Status() != e.Status() {
		c.Type, c.Was = changeHealth, was.Status().String()
		add(c)
	}
}
