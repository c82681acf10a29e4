package dnsserver

import (
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
	others []*catalog.Endpoint
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
			members = append(members, member{Choice: c, site: s})
			continue
		}
		m := &members[i]
		m.Weight = uint16(min(uint32(m.Weight)+uint32(c.Weight), math.MaxUint16))
		m.others = append(m.others, c.Endpoint)
	}
	return members
}
