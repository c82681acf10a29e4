package rig

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Endpoint is one instance as an SRV answer and its glue describe it.
type Endpoint struct {
	Address string
	Port    uint16
	Weight  uint16
}

// String is address:port*weight.
func (e Endpoint) String() string {
	return net.JoinHostPort(e.Address, strconv.Itoa(int(e.Port))) + "*" + strconv.Itoa(int(e.Weight))
}

// dnsTime bounds one exchange with an agent on this host.
const dnsTime = 2 * time.Second

// Ask sends one question over UDP with EDNS, and over TCP if that was truncated.
// The answer may have any rcode.
func (a *Agent) Ask(name, qtype string) (*dns.Msg, error) {
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.StringToType[qtype])
	q.SetEdns0(1232, false)
	udp := dns.Client{Timeout: dnsTime}
	m, _, err := udp.Exchange(q, a.DNSAddr())
	if err == nil && m.Truncated {
		tcp := dns.Client{Net: "tcp", Timeout: dnsTime}
		m, _, err = tcp.Exchange(q, a.DNSAddr())
	}
	if err != nil {
		return nil, fmt.Errorf("asking %s for %s %s: %w", a.Node, qtype, name, err)
	}
	return m, nil
}

// SRV returns the instances in the order of the answer; none if the name does not
// exist or nothing is healthy.
func (a *Agent) SRV(name string) ([]Endpoint, error) {
	m, err := a.Ask(name, "SRV")
	if err != nil {
		return nil, err
	}
	if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		return nil, fmt.Errorf("asking %s for SRV %s: %s", a.Node, name, dns.RcodeToString[m.Rcode])
	}
	glue := map[string]string{}
	for _, rr := range m.Extra {
		switch rr := rr.(type) {
		case *dns.A:
			glue[strings.ToLower(rr.Hdr.Name)] = rr.A.String()
		case *dns.AAAA:
			glue[strings.ToLower(rr.Hdr.Name)] = rr.AAAA.String()
		}
	}
	var list []Endpoint
	for _, rr := range m.Answer {
		srv, ok := rr.(*dns.SRV)
		if !ok {
			continue
		}
		addr := glue[strings.ToLower(srv.Target)]
		if addr == "" {
			return nil, fmt.Errorf("asking %s for SRV %s: no glue for the target %s", a.Node, name, srv.Target)
		}
		list = append(list, Endpoint{addr, srv.Port, srv.Weight})
	}
	return list, nil
}

// Answers returns nil if the SRV answer for name is this set, in any order.
func (a *Agent) Answers(name string, want ...Endpoint) error {
	got, err := a.SRV(name)
	if err != nil {
		return err
	}
	if !slices.Equal(sorted(got), sorted(want)) {
		return fmt.Errorf("%s answers %v for %s, want %v", a.Node, got, name, want)
	}
	return nil
}

func sorted(list []Endpoint) []Endpoint {
	return slices.SortedFunc(slices.Values(list), func(a, b Endpoint) int {
		return cmp.Or(cmp.Compare(a.Address, b.Address), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Weight, b.Weight))
	})
}

// Shares asks for name rounds times over one socket and counts which instance stands
// first, which is where a client goes that takes an answer as it comes. qtype is SRV
// or A; keys are the SRV's target and port, or the address.
func (a *Agent) Shares(name, qtype string, rounds int) (map[string]int, error) {
	conn, err := dns.DialTimeout("udp", a.DNSAddr(), dnsTime)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	client := dns.Client{Timeout: dnsTime}
	first := map[string]int{}
	for range rounds {
		q := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.StringToType[qtype])
		m, _, err := client.ExchangeWithConn(q, conn)
		if err != nil {
			return nil, fmt.Errorf("asking %s for %s %s: %w", a.Node, qtype, name, err)
		}
		if len(m.Answer) == 0 {
			return nil, fmt.Errorf("asking %s for %s %s: %s and no answer", a.Node, qtype, name, dns.RcodeToString[m.Rcode])
		}
		switch rr := m.Answer[0].(type) {
		case *dns.SRV:
			first[net.JoinHostPort(rr.Target, strconv.Itoa(int(rr.Port)))]++
		case *dns.A:
			first[rr.A.String()]++
		}
	}
	return first, nil
}
