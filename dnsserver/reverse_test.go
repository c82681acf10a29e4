package dnsserver

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// The index of addresses, brought along with each change, is what one made from scratch is.
func TestAddressesLeadToServicesAsTheyAreNow(t *testing.T) {
	found := 0
	for seed := range uint64(60) {
		c := newChanging(t, seed)
		var kept servicesAt
		seen := map[netip.Addr]bool{} // addresses that somebody had at any time
		for range 80 {
			c.step(t)
			if c.rand.IntN(3) == 0 {
				continue // several changes at a time
			}
			v := c.store.View()
			now := map[netip.Addr]map[string]bool{}
			for s := range v.Services() {
				for _, e := range s.Endpoints {
					at := siteOf(e)
					for _, ip := range at.ips() {
						if e.Address() == "" {
							continue
						}
						if now[ip] == nil {
							now[ip] = map[string]bool{}
						}
						now[ip][strings.ToLower(s.Name)], seen[ip] = true, true
					}
				}
			}
			for ip := range seen {
				want := slices.Sorted(maps.Keys(now[ip]))
				if got := kept.names(v, ip); !slices.Equal(got, want) {
					t.Fatalf("seed %d: at %v are %v, want %v", seed, ip, got, want)
				}
				found += len(want)
			}
		}
	}
	if found < 1000 {
		t.Errorf("%d services found: too few to say anything", found)
	}
}

func TestReverseNamesAreReadAsTheyAreWritten(t *testing.T) {
	for _, text := range []string{"10.0.0.1", "0.0.0.0", "255.254.253.252", "::", "2001:db8::1:2f", "ffff:eeee:dddd:cccc:bbbb:aaaa:9999:8888"} {
		name, err := dns.ReverseAddr(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{name, strings.ToUpper(name)} {
			if ip, ok := readReverse(name); !ok || ip != netip.MustParseAddr(text) {
				t.Errorf("%s is read as %v, %v, want %s", name, ip, ok, text)
			}
		}
	}
}
