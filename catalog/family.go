package catalog

import "net/netip"

// ByFamily is the addresses that a node or an instance has beside its own for clients of
// one IP version. One that is not valid is not given.
type ByFamily struct{ V4, V6 netip.Addr }

// The tags of such addresses, as Consul has them.
const (
	tagLANIPv4 = "lan_ipv4"
	tagLANIPv6 = "lan_ipv6"
)

// byFamily reads them from tagged addresses. One of the wrong version is none.
func byFamily(v4, v6 string) ByFamily {
	var f ByFamily
	if ip, err := netip.ParseAddr(v4); err == nil && ip.Unmap().Is4() {
		f.V4 = ip.Unmap()
	}
	if ip, err := netip.ParseAddr(v6); err == nil && !ip.Unmap().Is4() {
		f.V6 = ip.WithZone("")
	}
	return f
}

// ByFamily is the node's addresses for clients of one IP version.
func (n *Node) ByFamily() ByFamily {
	return byFamily(n.TaggedAddresses[tagLANIPv4], n.TaggedAddresses[tagLANIPv6])
}

// ByFamily is the addresses, besides the instance's own, for clients of one IP version.
func (s *Shape) ByFamily() ByFamily {
	if s.family == nil {
		return ByFamily{}
	}
	return *s.family
}

// familyOf is what a Shape keeps: nil, as almost always, if there is nothing.
func familyOf(i *Instance) *ByFamily {
	f := byFamily(i.TaggedAddresses[tagLANIPv4].Address, i.TaggedAddresses[tagLANIPv6].Address)
	if f == (ByFamily{}) {
		return nil
	}
	return &f
}
