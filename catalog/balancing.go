package catalog

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Balancing is how answers are to share out the work among the instances of a service. It
// travels in the instances' metadata, under the keys below. The zero value is what holds
// where nothing is said.
type Balancing struct {
	Policy     Policy
	Subset     int           // of PolicySubset: how many instances a host is given, 1..MaxSubset
	SlowStart  time.Duration // how long a newcomer takes to its whole weight; 0: it has it at once
	Aggression float64       // of slow start: above 1 is faster at first; 0 means 1
	Load       bool          // weights follow the reported load, whatever the policy
	MaxShare   float64       // the most that one instance gets of all, 0..1; 0: no limit
	Panic      float64       // health is ignored when less than so much of all is healthy, 0..1
	Priority   uint8         // of the instance: lower ones come first, with PolicyPriority
	Scale      uint16        // levels of an SRV record's weight for a weight of 1; 0: as the agent that answers has it
}

// Policy is a way to balance.
type Policy uint8

const (
	// Weighted is a draw by the effective weights.
	Weighted Policy = iota
	// RoundRobin has the instances take turns by weight, as each agent counts them.
	RoundRobin
	// LeastLoad puts those first that reported the least load for their weight. Reports are
	// old: all who ask meanwhile run to the same one.
	LeastLoad
	// TwoChoices draws two by weight and puts first the one that reported less load.
	TwoChoices
	// Capacity shares out by measured capacity, less what waits already.
	Capacity
	// SubsetOf gives each host the same few instances, and each instance its share of hosts.
	SubsetOf
	// Nearest prefers hosts with a short round trip.
	Nearest
	// Local prefers the agent's zone, then its region, as far as these can carry the work.
	Local
	// Priority prefers instances of a low Balancing.Priority.
	Priority
	// Single is Weighted with one address in an answer.
	Single
)

var policyNames = [...]string{"weighted", "round-robin", "least-load", "two-choices", "capacity", "subset", "nearest", "local", "priority", "single"}

// String is the policy as it is registered, without a number.
func (p Policy) String() string { return policyNames[min(int(p), len(policyNames)-1)] }

// PolicyText is the policy as it is registered: "subset:10".
func (b Balancing) PolicyText() string {
	if b.Policy == SubsetOf {
		return b.Policy.String() + ":" + strconv.Itoa(b.Subset)
	}
	return b.Policy.String()
}

// The keys of an instance's metadata that make up its Balancing, and what they hold.
const (
	MetaPolicy     = "lb-policy"     // a policy's name; of subset with the number: "subset:10"
	MetaSlowStart  = "lb-slow-start" // a duration, "30s"
	MetaAggression = "lb-slow-start-aggression"
	MetaLoad       = "lb-load"      // "true" or "false"
	MetaMaxShare   = "lb-max-share" // percent
	MetaPanic      = "lb-panic"     // percent
	MetaPriority   = "lb-priority"  // 0..MaxPriority
	MetaScale      = "lb-srv-weight-scale"
)

// Limits of what a Balancing may hold.
const (
	MaxSubset     = 10_000
	MaxSlowStart  = 24 * time.Hour
	MaxAggression = 100
	MaxPriority   = 100
)

const metaBalancing = "lb-"

// With returns b with what the metadata says of it. What is wrong there is left as it is in
// b and told in the error, each fault with its key: an owner refuses it, others go on
// without. Keys that are none of these are the user's own.
func (b Balancing) With(meta map[string]string) (Balancing, error) {
	var faults []error
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		if !strings.HasPrefix(key, metaBalancing) {
			continue
		}
		next := b
		if err := next.set(key, meta[key]); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", key, err))
			continue
		}
		b = next
	}
	return b, errors.Join(faults...)
}

func (b *Balancing) set(key, text string) (err error) {
	switch key {
	case MetaPolicy:
		b.Policy, b.Subset, err = ParsePolicy(text)
	case MetaSlowStart:
		if b.SlowStart, err = time.ParseDuration(text); err != nil || b.SlowStart < 0 || b.SlowStart > MaxSlowStart {
			err = fmt.Errorf("%q is no duration from 0s to %v, such as \"30s\"", clip(text), MaxSlowStart)
		}
	case MetaAggression:
		b.Aggression, err = numberIn(text, 0.01, MaxAggression)
	case MetaLoad:
		if b.Load, err = strconv.ParseBool(text); err != nil {
			err = fmt.Errorf("%q is neither true nor false", clip(text))
		}
	case MetaMaxShare:
		b.MaxShare, err = numberIn(text, 0, 100)
		b.MaxShare /= 100
	case MetaPanic:
		b.Panic, err = numberIn(text, 0, 100)
		b.Panic /= 100
	case MetaPriority:
		var n uint64
		if n, err = strconv.ParseUint(text, 10, 8); err != nil || n > MaxPriority {
			err = fmt.Errorf("%q is no whole number from 0 to %d", clip(text), MaxPriority)
		}
		b.Priority = uint8(n)
	case MetaScale:
		var n uint64
		if n, err = strconv.ParseUint(text, 10, 16); err != nil {
			err = fmt.Errorf("%q is no whole number from 0 to %d", clip(text), math.MaxUint16)
		}
		b.Scale = uint16(n)
	}
	return err
}

func numberIn(text string, least, most float64) (float64, error) {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(x) || x < least || x > most {
		return 0, fmt.Errorf("%q is no number from %g to %g", clip(text), least, most)
	}
	return x, nil
}

// ParsePolicy reads a policy's name, and the number behind the colon of "subset:10".
func ParsePolicy(text string) (p Policy, subset int, err error) {
	name, number, numbered := strings.Cut(text, ":")
	at := slices.Index(policyNames[:], name)
	p = Policy(max(at, 0))
	switch {
	case at < 0:
		return 0, 0, fmt.Errorf("there is no policy %q: there are %s", clip(text), strings.Join(policyNames[:], ", "))
	case p == SubsetOf:
		if subset, err = strconv.Atoi(number); err != nil || subset < 1 || subset > MaxSubset {
			return 0, 0, fmt.Errorf("%q does not say how many instances a host is given: write subset:10, with 1 to %d", clip(text), MaxSubset)
		}
	case numbered:
		return 0, 0, fmt.Errorf("%q has a number, which only subset takes", clip(text))
	}
	return p, subset, nil
}

// balancingOf is what a Shape keeps: nil, as mostly, if nothing is said.
func balancingOf(meta map[string]string) *Balancing {
	if b, _ := (Balancing{}).With(meta); b != (Balancing{}) {
		return &b
	}
	return nil
}

// Balancing is what the instance says of how its service is to be balanced.
func (s *Shape) Balancing() Balancing {
	if s.balancing == nil {
		return Balancing{}
	}
	return *s.balancing
}
