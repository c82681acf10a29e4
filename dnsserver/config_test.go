package dnsserver

import (
	"strings"
	"testing"
	"time"

	"covey/catalog"
	"covey/internal/fault"
)

func TestConfigFaultsAreToldAllAtOnce(t *testing.T) {
	_, err := NewResolver(Config{
		Domain:         "not a domain",
		AltDomain:      strings.Repeat("a234567890123456789012345678901234567890123456789012345678901.", 4),
		Datacenter:     "Service",
		NodeTTL:        -1,
		ServiceTTL:     map[string]time.Duration{"web": -1, "a*b": 1},
		UDPAnswerLimit: -1,
		MaxUDPSize:     100,
		MaxTCPConns:    -3,
	})
	if fault.KindOf(err) != fault.Invalid {
		t.Fatalf("the error is %v", err)
	}
	for _, field := range []string{"Catalog: ", "domain: ", "alt_domain: ", "datacenter: ", "node_ttl: ", `for "web" is negative`,
		`"a*b" is neither`, "udp_answer_limit: ", "max_udp_size: ", "max_tcp_conns: "} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%q is not in %q", field, err)
		}
	}
}

func TestLongestDomainLeavesRoomForAnAddress(t *testing.T) {
	domain := strings.Repeat("a234567890123456789012345678901234567890123456789.", 4) + "a2345678901"
	c := Config{Catalog: catalog.NewStore(0), Domain: domain}
	if _, err := NewResolver(c); err != nil {
		t.Fatal(err)
	}
	c.Domain += "b"
	if _, err := NewResolver(c); err == nil || !strings.Contains(err.Error(), "1 characters too long") {
		t.Errorf("one more gives %v", err)
	}
}

func TestServiceTTLIsExactBeforeLongestPrefix(t *testing.T) {
	c := Config{NodeTTL: 1900 * time.Millisecond, ServiceTTL: map[string]time.Duration{
		"web": 1 * time.Second, "Web-API": 9 * time.Second, "w*": 2 * time.Second, "WEB-*": 3 * time.Second,
		"*": 4 * time.Second, "long": 1 << 62,
	}}
	ttls := newTTLs(&c)
	for name, want := range map[string]uint32{
		"web": 1, "WEB": 1, "web-api": 9, "web-x": 3, "Wx": 2, "db": 4, "long": maxTTL,
	} {
		if got := ttls.service(name); got != want {
			t.Errorf("%s has %d, want %d", name, got, want)
		}
	}
	if ttls.node != 1 {
		t.Errorf("nodes have %d", ttls.node)
	}
	if got := newTTLs(&Config{}).service("web"); got != 0 {
		t.Errorf("by default a service has %d", got)
	}
}
