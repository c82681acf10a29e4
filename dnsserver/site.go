package dnsserver

import (
	"hash/fnv"
	"math"
	"net/netip"
	"strings"

	"covey/catalog"
	"covey/lb"
)

// site is where an instance is reached. Two instances at one site are told apart by
// nobody, and are answered by one record.
type site struct {
	node string     // whose address it is, if that is one and the instance has none of its own
	host string     // a host name in lower case, if the address is one
	ip   netip.Addr // the address otherwise; not valid if the node states none
	also netip.Addr // the address of the other IP version, not valid if there is none
	port uint16
}

// siteOf reads where an instance is. The addresses by family go with the address: they
// are the instance's where it has an address of its own, else its node's.
func siteOf(e *catalog.Endpoint) site {
	s := site{port: e.Port}
	text, family := e.Address(), e.ByFamily()
	if text == "" {
		s.node, text, family = e.Host.Name, e.Host.Address, e.Host.ByFamily()
	}
	if ip, err := netip.ParseAddr(text); err == nil {
		s.ip, s.also = both(ip, family)
	} else if text != "" {
		s.host, s.node = strings.ToLower(strings.TrimSuffix(text, ".")), ""
	}
	return s
}

// both is the address of ip's version and that of the other. What is given for a version
// comes before the address for all.
func both(ip netip.Addr, f catalog.ByFamily) (first, also netip.Addr) {
	// As a record can hold it.
	first, also = ip.Unmap().WithZone(""), f.V6
	same := f.V4
	if first.Is6() {
		same, also = f.V6, f.V4
	}
	if same.IsValid() {
		first = same
	}
	return first, also
}

// ips is the addresses there are.
func (s *site) ips() []netip.Addr {
	switch {
	case !s.ip.IsValid():
		return nil
	case !s.also.IsValid():
		return []netip.Addr{s.ip}
	}
	return []netip.Addr{s.ip, s.also}
}

// hash identifies the site, the same on every agent and in every run.
func (s *site) hash() uint64 {
	h := fnv.New64a()
	ip := s.ip.As16()
	h.Write(ip[:])
	h.Write([]byte{byte(s.port >> 8), byte(s.port)})
	h.Write([]byte(strings.ToLower(s.node)))
	h.Write([]byte{0})
	h.Write([]byte(s.host))
	return h.Sum64()
}

// nodeIPs is the addresses that a node states, none if that is not one.
func nodeIPs(h *catalog.Host) []netip.Addr {
	ip, err := netip.ParseAddr(h.Address)
	if err != nil {
		return nil
	}
	var s site
	s.ip, s.also = both(ip, h.ByFamily())
	return s.ips()
}

// member is what one record stands for: the instances at one site.
type member struct {
	lb.Choice // the first of them; Weight is that of all
	site
	wire   uint16 // Weight as an SRV record has it
	others []*catalog.Endpoint
}

// rank is the member's place for a client to whom not all can be answered.
func (m *member) rank(client uint64) float64 {
	at := lb.Affinity(client, m.site.hash(), m.Weight)
	return float64(m.Level)*levelsApart + math.Log2(at) // which keeps the order, and is bounded
}

// levelsApart is more than the logarithms of two affinities can differ.
const levelsApart = 512

// located is a choice and the site it is to be answered by.
type located struct {
	lb.Choice
	site
}

// merge makes one member of the choices at one site and keeps the order in which the
// sites come first. After lb.Shuffle that is the order of their summed weights.
func merge(chosen []located) []member {
	members := make([]member, 0, len(chosen))
	at := make(map[site]int, len(chosen))
	for _, c := range chosen {
		i, met := at[c.site]
		if !met {
			at[c.site] = len(members)
			members = append(members, member{Choice: c.Choice, site: c.site})
			continue
		}
		m := &members[i]
		m.Weight += c.Weight
		m.Level = min(m.Level, c.Level)
		m.others = append(m.others, c.Endpoint)
	}
	return members
}

// scaled writes down what the weights of an answer are on the wire, at the scale that the
// service asks for, or this agent has.
func (in *inquiry) scaled(members []member) []member {
	perUnit := in.weightScale
	if own := in.balanced.Settings.Scale; own > 0 {
		perUnit = int(own)
	}
	scale := lb.ScaleFor(func(yield func(float64) bool) {
		for i := range members {
			yield(members[i].Weight)
		}
	}, perUnit)
	for i := range members {
		members[i].wire = scale.Of(members[i].Weight)
	}
	return members
}
