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
	node string     // whose address it is, if the instance has none of its own
	host string     // a host name in lower case, if the address is one
	ip   netip.Addr // the address otherwise; not valid if the node states none
	port uint16
}

func siteOf(e *catalog.Endpoint) site {
	s := site{port: e.Port}
	text := e.Address()
	if text == "" {
		s.node, text = e.Host.Name, e.Host.Address
	}
	if ip, err := netip.ParseAddr(text); err == nil {
		s.ip = numberOnly(ip)
	} else if text != "" {
		s.host = strings.ToLower(strings.TrimSuffix(text, "."))
	}
	return s
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

// nodeIP is the address a node states, not valid if that is none.
func nodeIP(h *catalog.Host) netip.Addr {
	ip, _ := netip.ParseAddr(h.Address)
	return numberOnly(ip)
}

// numberOnly is an address as a record can hold it.
func numberOnly(ip netip.Addr) netip.Addr { return ip.Unmap().WithZone("") }

// member is what one record stands for: the instances at one site.
type member struct {
	lb.Choice // the first of them; Weight is that of all, at most 65535
	site
	share  uint32 // the sum of all their weights
	others []*catalog.Endpoint
}

// rank is the member's place for a client to whom not all can be answered.
func (m *member) rank(client uint64) float64 {
	return lb.Affinity(client, m.site.hash(), m.Weight)
}

// merge makes one member of the choices at one site and keeps the order in which the
// sites come first. After lb.Shuffle that is the order of their summed weights.
func merge(chosen []lb.Choice, where func(*catalog.Endpoint) site) []member {
	members := make([]member, 0, len(chosen))
	at := make(map[site]int, len(chosen))
	for _, c := range chosen {
		s := where(c.Endpoint)
		i, met := at[s]
		if !met {
			at[s] = len(members)
			members = append(members, member{Choice: c, site: s, share: uint32(c.Weight)})
			continue
		}
		m := &members[i]
		m.Weight = uint16(min(uint32(m.Weight)+uint32(c.Weight), math.MaxUint16))
		m.share += uint32(c.Weight)
		m.others = append(m.others, c.Endpoint)
	}
	return members
}
