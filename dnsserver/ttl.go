package dnsserver

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// ttls gives the seconds that answers may be cached. It is immutable.
type ttls struct {
	node     uint32
	exact    map[string]uint32 // by lower-case service name
	prefixes []prefixTTL       // the longest first
}

type prefixTTL struct {
	prefix string // lower case
	ttl    uint32
}

func newTTLs(c *Config) *ttls {
	t := &ttls{node: seconds(c.NodeTTL), exact: map[string]uint32{}}
	for name, ttl := range c.ServiceTTL {
		name = strings.ToLower(name)
		if prefix, ok := strings.CutSuffix(name, "*"); ok {
			t.prefixes = append(t.prefixes, prefixTTL{prefix, seconds(ttl)})
		} else {
			t.exact[name] = seconds(ttl)
		}
	}
	slices.SortFunc(t.prefixes, func(a, b prefixTTL) int {
		return cmp.Or(cmp.Compare(len(b.prefix), len(a.prefix)), strings.Compare(a.prefix, b.prefix))
	})
	return t
}

func (t *ttls) service(name string) uint32 {
	if len(t.exact) == 0 && len(t.prefixes) == 0 {
		return 0
	}
	name = strings.ToLower(name)
	if ttl, ok := t.exact[name]; ok {
		return ttl
	}
	for _, p := range t.prefixes {
		if strings.HasPrefix(name, p.prefix) {
			return p.ttl
		}
	}
	return 0
}

// maxTTL is the greatest that RFC 2181 section 8 allows.
const maxTTL = 1<<31 - 1

func seconds(d time.Duration) uint32 { return uint32(min(d/time.Second, maxTTL)) }
