// How services are balanced here, whatever is registered.

package config

import (
	"maps"
	"strings"

	"covey/catalog"
	"covey/catalog/definition"
	"covey/catalog/definition/strict"
)

// Balancing is how this agent balances.
type Balancing struct {
	// SlowStart, Load and Place are the factors of a weight that count; without one, its
	// policies are "weighted". Default: true.
	SlowStart, Load, Place bool

	// HostPressure raises the utilisation that instances on this host report to the part of
	// time in which tasks wait for its processor (Linux's PSI), so that a host that is short of
	// it counts as busy whatever its instances see of that. Jobs of low priority that wait count
	// as well, which is why it is off. Default: false.
	HostPressure bool

	// Services comes before what is registered: by service name in lower case, prefix that
	// ends in "*", or "*"; of several that fit, the exact name, then the longest prefix.
	// The values are metadata ("lb-policy"). Default: none.
	Services map[string]map[string]string
}

// Of returns what is said of a service, nil for nothing.
func (b *Balancing) Of(service string) map[string]string {
	if len(b.Services) == 0 {
		return nil
	}
	service = strings.ToLower(service)
	if set, ok := b.Services[service]; ok {
		return set
	}
	var best map[string]string
	longest := -1
	for name, set := range b.Services {
		prefix, ok := strings.CutSuffix(name, "*")
		if ok && len(prefix) > longest && strings.HasPrefix(service, prefix) {
			best, longest = set, len(prefix)
		}
	}
	return best
}

// balancedServices reads lb.services: blocks as in a service's lb, by name.
func balancedServices(into *map[string]map[string]string, v strict.Value) {
	for name, member := range v.Members() {
		checkPattern(name, member)
		o, ok := member.Object()
		if !ok {
			continue
		}
		if *into == nil {
			*into = map[string]map[string]string{}
		}
		set := maps.Clone((*into)[strings.ToLower(name)])
		if set == nil {
			set = map[string]string{}
		}
		maps.Copy(set, definition.ReadBalancing(o))
		(*into)[strings.ToLower(name)] = set
	}
}

// checkPattern is for the names that settings of services are under.
func checkPattern(name string, v strict.Value) {
	start, isPrefix := strings.CutSuffix(name, "*")
	if start == "" && isPrefix {
		return
	}
	if isPrefix {
		start += "x" // a prefix may end in a hyphen
	}
	if err := catalog.CheckLabel(start); err != nil {
		v.Fault("%q is neither a service's name nor a prefix ending in *", name)
	}
}
