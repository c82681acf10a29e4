package dnsserver

import "strings"

// The labels of RFC 6763 that begin with an underscore.
const (
	subLabel      = "_sub"
	servicesLabel = "_services"
	dnssdLabel    = "_dns-sd"
	udpLabel      = "_udp"
	tcpLabel      = "_tcp"
)

// readTyped reads names that end in _NAME._TAG, as RFC 2782 has them, where the protocols
// _tcp and _udp mean no tag; and those of RFC 6763 for browsing, which lie beneath. The
// last part begins with an underscore.
func readTyped(parts []string) asked {
	last := len(parts) - 1
	switch {
	case last == 0:
		return asked{kind: empty} // above _NAME._TAG
	case !hidden(parts[last-1]):
		return asked{kind: unknown}
	case strings.EqualFold(parts[last], udpLabel) && strings.EqualFold(parts[last-1], dnssdLabel):
		return readDirectory(parts[:last-1])
	}
	a := asked{kind: service, typed: true, name: plain(parts[last-1 : last])[1:]}
	if tag := plain(parts[last:]); !strings.EqualFold(tag, tcpLabel) && !strings.EqualFold(tag, udpLabel) {
		a.tag = tag[1:]
	}
	beneath := parts[:last-1]
	sub := len(beneath) > 0 && strings.EqualFold(beneath[len(beneath)-1], subLabel)
	switch {
	case len(beneath) == 0:
	case sub && len(beneath) == 1:
		a.kind = subtype
	case sub && len(beneath) == 2:
		a.kind, a.label = subtype, strings.TrimPrefix(plain(beneath[:1]), "_")
	case len(beneath) == 1:
		a.kind, a.label = instance, plain(beneath)
	default:
		return asked{kind: unknown}
	}
	return a
}

// readDirectory reads what stands before _dns-sd._udp.
func readDirectory(parts []string) asked {
	switch {
	case len(parts) == 0:
		return asked{kind: empty}
	case len(parts) > 1:
		return asked{kind: unknown}
	}
	switch strings.ToLower(parts[0]) {
	case servicesLabel:
		return asked{kind: directory}
	case "b", "db", "lb": // browse, by default, and for those who know no better
		return asked{kind: browseDomain}
	}
	return asked{kind: unknown}
}
