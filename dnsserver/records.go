package dnsserver

import (
	"encoding/hex"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// srvPriority is that of every SRV record: clients choose by weight alone.
const srvPriority = 1

func header(name string, rrtype uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: rrtype, Class: dns.ClassINET, Ttl: ttl}
}

// addressRR is an A or AAAA record, as the family of ip has it.
func addressRR(name string, ip netip.Addr, ttl uint32) dns.RR {
	if ip.Is4() {
		return &dns.A{Hdr: header(name, dns.TypeA, ttl), A: ip.AsSlice()}
	}
	return &dns.AAAA{Hdr: header(name, dns.TypeAAAA, ttl), AAAA: ip.AsSlice()}
}

// addressRRs is the records of the addresses of the family asked for.
func addressRRs(name string, ips []netip.Addr, qtype uint16, ttl uint32) []dns.RR {
	var rrs []dns.RR
	for _, ip := range ips {
		if wants(qtype, ip) {
			rrs = append(rrs, addressRR(name, ip, ttl))
		}
	}
	return rrs
}

func nsName(domain string) string { return nsLabel + "." + domain }

// hexName is the name that always has the address ip: HEX.addr.DC.DOMAIN.
func hexName(ip netip.Addr, datacenter, domain string) string {
	return strings.Join([]string{hex.EncodeToString(ip.AsSlice()), addrLabel, datacenter, domain}, ".")
}

// nodeName is the name of a node: NODE.node.DC.DOMAIN.
func nodeName(name, datacenter, domain string) string {
	return strings.Join([]string{name, nodeLabel, datacenter, domain}, ".")
}

// wants reports whether an address of ip's family is asked for.
func wants(qtype uint16, ip netip.Addr) bool {
	switch qtype {
	case dns.TypeANY:
		return true
	case dns.TypeA:
		return ip.Is4()
	case dns.TypeAAAA:
		return ip.Is6()
	}
	return false
}

// isName reports whether text, with its last dot, can be packed as a name.
func isName(text string) bool {
	_, ok := dns.IsDomainName(text)
	return ok && len(text) <= maxName
}
