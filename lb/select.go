package lb

import (
	"slices"

	"covey/catalog"
)

// Query says which instances are wanted.
type Query struct {
	Service     string   // compared without case
	Tags        []string // all must be there; compared without case
	OnlyPassing bool     // leave out warning as well as critical
}

// Choice is an instance that may be answered.
type Choice struct {
	*catalog.Endpoint
	Weight float64  // its share, beside those of the others; 0 is still answered, but last
	Level  uint16   // all of a lower level come before
	Why    *Factors // what Weight was made of; nil unless that was asked for

	queue float64 // requests in hand, with policies that compare them
}

func choice(e *catalog.Endpoint) Choice { return Choice{Endpoint: e, Weight: float64(e.Weight())} }

// Omission is an instance that may not be answered.
type Omission struct {
	*catalog.Endpoint
	Reason string // for people: "critical: check web:http", "tag v2 missing", ...
}

// Selection is every instance of a service, parted by whether it may be answered.
type Selection struct {
	Known   bool // the service exists, whether or not anything was chosen
	Chosen  []Choice
	LeftOut []Omission
}

// Select parts the instances of a service, in the catalogue's order.
func Select(v *catalog.View, q Query) Selection {
	s := v.Service(q.Service)
	if s == nil {
		return Selection{}
	}
	sel := Selection{Known: true, Chosen: make([]Choice, 0, len(s.Endpoints))}
	for e := range s.All() {
		if verdict := judge(e, &q); verdict == eligible {
			sel.Chosen = append(sel.Chosen, choice(e))
		} else {
			sel.LeftOut = append(sel.LeftOut, Omission{e, reason(verdict, e, &q)})
		}
	}
	return sel
}

// Eligible appends to dst what Select would choose. It allocates nothing if dst has
// the room, since it gives no reasons; known is Selection.Known.
func Eligible(dst []Choice, v *catalog.View, q Query) (chosen []Choice, known bool) {
	s := v.Service(q.Service)
	if s == nil {
		return dst, false
	}
	for _, e := range s.Endpoints { // never among these: one on a host that is not alive
		if judge(e, &q) == eligible {
			dst = append(dst, choice(e))
		}
	}
	return dst, true
}

// AnyEligible reports whether Eligible would choose any.
func AnyEligible(v *catalog.View, q Query) bool {
	s := v.Service(q.Service)
	return s != nil && slices.ContainsFunc(s.Endpoints, func(e *catalog.Endpoint) bool { return judge(e, &q) == eligible })
}
