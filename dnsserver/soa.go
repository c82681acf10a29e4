package dnsserver

import (
	"time"

	"github.com/miekg/dns"

	"covey/catalog"
)

// SOA is what the record of a domain says of it. Nobody transfers the zone, so that only
// MinTTL has an effect.
type SOA struct {
	Refresh time.Duration // 1 h by default
	Retry   time.Duration // 10 min by default
	Expire  time.Duration // 24 h by default

	// MinTTL is how long the answer that something is not there may be kept (RFC 2308). 0,
	// the default, forbids it: an instance that recovers is found by the next question.
	MinTTL time.Duration
}

func (s *SOA) setDefaults() {
	for _, d := range []struct {
		value *time.Duration
		unset time.Duration
	}{{&s.Refresh, time.Hour}, {&s.Retry, 10 * time.Minute}, {&s.Expire, 24 * time.Hour}} {
		if *d.value == 0 {
			*d.value = d.unset
		}
	}
}

// origin is the SOA record of every domain, but for the names. It is immutable.
type origin struct{ refresh, retry, expire, minTTL uint32 }

func newOrigin(s *SOA) origin {
	return origin{seconds(s.Refresh), seconds(s.Retry), seconds(s.Expire), seconds(s.MinTTL)}
}

// soa is the SOA record of a domain. Its serial changes with the catalogue. Its own TTL
// is the one of negative answers, in which the lesser of the two counts.
func (o *origin) soa(owner, domain string, v *catalog.View) dns.RR {
	return &dns.SOA{
		Hdr:     header(owner, dns.TypeSOA, o.minTTL),
		Ns:      nsName(domain),
		Mbox:    "hostmaster." + domain,
		Serial:  uint32(v.Index()),
		Refresh: o.refresh,
		Retry:   o.retry,
		Expire:  o.expire,
		Minttl:  o.minTTL,
	}
}
