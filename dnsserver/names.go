package dnsserver

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// kind is what a name is about, before the catalogue is asked whether it exists.
type kind uint8

const (
	outside      kind = iota // in none of the domains
	unknown                  // in a domain, but of no shape that exists there
	apex                     // a domain itself
	empty                    // leads to other names and owns nothing: service.local
	nameserver               // ns.DOMAIN
	service                  // [tag.]NAME.service[.dc].DOMAIN, _NAME._TAG[.service][.dc].DOMAIN
	subtype                  // [_TAG.]_sub._NAME._TAG...: RFC 6763 section 7.1
	instance                 // INSTANCE._NAME._TAG...: RFC 6763 section 4.1
	directory                // _services._dns-sd._udp...: RFC 6763 section 9
	browseDomain             // b._dns-sd._udp...: RFC 6763 section 11
	node                     // NODE.node[.dc].DOMAIN
	address                  // HEX.addr[.dc].DOMAIN
	reverse                  // of an address in in-addr.arpa or ip6.arpa; domain is the first one
)

// The labels that part a name from where it is looked for.
const (
	serviceLabel = "service"
	nodeLabel    = "node"
	addrLabel    = "addr"
	nsLabel      = "ns"
	dcLabel      = "dc" // may follow the datacenter's own label
)

// maxName is how long a name may be in text, with its last dot (RFC 1035 section 3.1).
const maxName = 254

// asked is what a name asks for.
type asked struct {
	kind   kind
	domain string     // the one it ends in: lower case, with the last dot
	name   string     // of a service or a node, in the question's case
	tag    string     // of a service; "" for none
	typed  bool       // the service was asked for as RFC 2782 writes it
	label  string     // of an instance, or the tag of a subtype; not escaped
	ip     netip.Addr // of an address, or of a reverse name
}

// tags is the tag as a list of those that must be there.
func (a *asked) tags() []string {
	if a.tag == "" {
		return nil
	}
	return []string{a.tag}
}

// zone knows the shapes of the names answered here. It is immutable.
type zone struct {
	primary    string   // the domain where a question names none
	domains    []string // all: lower case, with the last dot; the longest first
	datacenter string   // lower case
}

func newZone(c *Config) *zone {
	z := &zone{primary: dns.CanonicalName(c.Domain), datacenter: strings.ToLower(c.Datacenter)}
	for _, d := range []string{c.Domain, c.AltDomain} {
		if d != "" {
			z.domains = append(z.domains, dns.CanonicalName(d))
		}
	}
	slices.SortStableFunc(z.domains, func(a, b string) int { return dns.CountLabel(b) - dns.CountLabel(a) })
	return z
}

// parse reads a name in text form, where unusual bytes are escaped by a backslash.
func (z *zone) parse(qname string) asked {
	for _, domain := range z.domains {
		if !dns.IsSubDomain(domain, qname) {
			continue
		}
		labels := dns.SplitDomainName(qname)
		a := z.read(labels[:len(labels)-dns.CountLabel(domain)])
		a.domain = domain
		return a
	}
	if ip, ok := readReverse(qname); ok {
		return asked{kind: reverse, domain: z.primary, ip: ip}
	}
	return asked{kind: outside}
}

// read reads the labels before the domain. The keyword furthest to the right counts,
// so that a node may be called "web.service".
func (z *zone) read(labels []string) asked {
	for i, label := range slices.Backward(labels) {
		word := strings.ToLower(label)
		if !isKeyword(word) {
			continue
		}
		parts, rest := labels[:i], labels[i+1:]
		switch {
		case !z.here(rest):
			return asked{kind: unknown}
		case len(parts) == 0:
			return asked{kind: empty}
		case word == serviceLabel:
			return readService(parts)
		case word == nodeLabel:
			return asked{kind: node, name: plain(parts)}
		default:
			return readAddress(parts)
		}
	}
	return z.readBare(labels)
}

// readBare reads names without a keyword.
func (z *zone) readBare(labels []string) asked {
	n := len(labels)
	switch {
	case n == 0:
		return asked{kind: apex}
	case n == 1 && strings.EqualFold(labels[0], nsLabel):
		return asked{kind: nameserver}
	case z.here(labels) || n == 1 && strings.EqualFold(labels[0], dcLabel):
		return asked{kind: empty}
	}
	for end := n; end > 0 && end >= n-2; end-- {
		if hidden(labels[end-1]) && z.here(labels[end:]) {
			return readTyped(labels[:end])
		}
	}
	return asked{kind: unknown}
}

// here reports whether what follows the keyword means this datacenter: nothing, its
// name, or its name and "dc".
func (z *zone) here(rest []string) bool {
	switch len(rest) {
	case 0:
		return true
	case 2:
		if !strings.EqualFold(rest[1], dcLabel) {
			return false
		}
	case 1:
	default:
		return false
	}
	return strings.EqualFold(rest[0], z.datacenter)
}

// readService reads what stands before "service": [tag.]NAME, or a name of RFC 2782. A
// tag may hold dots.
func readService(parts []string) asked {
	last := len(parts) - 1
	if !hidden(parts[last]) {
		return asked{kind: service, name: plain(parts[last:]), tag: plain(parts[:last])}
	}
	return readTyped(parts)
}

// readAddress reads 8 or 32 hexadecimal digits.
func readAddress(parts []string) asked {
	if len(parts) == 1 && (len(parts[0]) == 8 || len(parts[0]) == 32) {
		if raw, err := hex.DecodeString(parts[0]); err == nil {
			ip, _ := netip.AddrFromSlice(raw)
			return asked{kind: address, ip: ip}
		}
	}
	return asked{kind: unknown}
}

func isKeyword(lower string) bool {
	return lower == serviceLabel || lower == nodeLabel || lower == addrLabel
}

// hidden reports whether a label begins with an underscore and goes on, as those of
// RFC 2782 do.
func hidden(label string) bool { return len(label) > 1 && label[0] == '_' }

// plain joins labels by dots and undoes their escapes: \. and \\ stand for the
// character, \DDD for a byte in decimal (RFC 1035 section 5.1).
func plain(labels []string) string {
	text := strings.Join(labels, ".")
	if !strings.Contains(text, `\`) {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '\\' || i+1 == len(text):
			out = append(out, text[i])
		case i+3 < len(text) && isDigit(text[i+1]) && isDigit(text[i+2]) && isDigit(text[i+3]):
			out = append(out, (text[i+1]-'0')*100+(text[i+2]-'0')*10+text[i+3]-'0')
			i += 3
		default:
			out = append(out, text[i+1])
			i++
		}
	}
	return string(out)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
