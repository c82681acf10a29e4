package e2e

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"covey/e2e/rig"
)

// startDNSMasq runs dnsmasq on an address of its own.
func startDNSMasq(t *testing.T, at rig.Place, args ...string) {
	t.Helper()
	dnsmasq := need(t, "dnsmasq", "dnsmasq-base")
	args = append([]string{"--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--log-facility=-", "--no-resolv", "--no-hosts",
		"--bind-interfaces", "--listen-address=" + at.IP, "--port=" + strconv.Itoa(at.DNS), "--user=", "--group="}, args...)
	p := serve(t, dnsmasq, args...)
	eventually(t, soon, func() error {
		if err := p.Running(); err != nil {
			return err
		}
		c, err := net.Dial("tcp", net.JoinHostPort(at.IP, strconv.Itoa(at.DNS)))
		if err == nil {
			c.Close()
		}
		return err
	})
}

// ask sends one question to any server over UDP.
func ask(t *testing.T, server, name string, qtype uint16) *dns.Msg {
	t.Helper()
	c := dns.Client{Timeout: soon}
	m, _, err := c.Exchange(new(dns.Msg).SetQuestion(name, qtype).SetEdns0(1232, false), server)
	if err != nil {
		t.Fatalf("asking %s for %s: %v", server, name, err)
	}
	return m
}

// TestProgramsOfTheSystemThroughDNSMasq has dnsmasq send the zone to the agent, and
// programs use it as the resolver of their system.
func TestProgramsOfTheSystemThroughDNSMasq(t *testing.T) {
	begin(t)
	if os.Geteuid() != 0 {
		t.Skip("needs root: port 53, and an /etc/resolv.conf of its own in a mount namespace")
	}
	unshare := need(t, "unshare", "util-linux")
	need(t, "dnsmasq", "dnsmasq-base")
	s := newSite(t, startAgent(t, "agent-1", "--insecure-gossip"))
	at := place(t)
	at.DNS = 53
	if err := rig.PortFree(at.IP, at.DNS); err != nil {
		t.Skipf("needs port 53 of a loopback address: %v", err)
	}
	startDNSMasq(t, at, fmt.Sprintf("--server=/service.local/%s#%d", s.agent.IP, s.agent.DNS))

	resolv := write(t, t.TempDir(), "resolv.conf", "nameserver "+at.IP+"\noptions timeout:5\n")
	nsswitch := write(t, t.TempDir(), "nsswitch.conf", "hosts: files dns\n")
	// within runs a program that finds the name server above in /etc/resolv.conf.
	within := func(program string, args ...string) string {
		t.Helper()
		script := fmt.Sprintf("set -e; mount --make-rprivate /; mount --bind %s \"$(readlink -f /etc/resolv.conf)\"; if [ -e /etc/nsswitch.conf ]; then mount --bind %s /etc/nsswitch.conf; fi; exec \"$@\"", resolv, nsswitch)
		return run(t, unshare, append([]string{"--mount", "sh", "-c", script, "sh", program}, args...)...)
	}
	if _, err := rig.RunProgram(unshare, "--mount", "sh", "-c", "mount --make-rprivate /; mount --bind "+resolv+" \"$(readlink -f /etc/resolv.conf)\""); err != nil {
		t.Skipf("needs a mount namespace: %v", err)
	}
	name := strings.TrimSuffix(itemService, ".")

	t.Run("getent", func(t *testing.T) {
		getent := need(t, "getent", "libc-bin")
		var lines []string
		for _, ip := range s.ips {
			lines = append(lines, ip+" "+name)
		}
		var got []string
		for line := range strings.Lines(within(getent, "ahostsv4", name)) {
			if words := strings.Fields(line); len(words) > 1 && words[1] == "STREAM" {
				got = append(got, words[0]+" "+name)
			}
		}
		holds(t, "getent ahostsv4", strings.Join(got, "\n"), lines...)
		if out := within(getent, "hosts", name); !strings.Contains(out, s.ips[0]) && !strings.Contains(out, s.ips[1]) {
			t.Errorf("getent hosts printed %s", out)
		}
	})
	t.Run("curl", func(t *testing.T) {
		curl := need(t, "curl", "curl")
		met := map[string]bool{}
		for range 5 {
			met[strings.TrimSpace(within(curl, "-sS", "--noproxy", "*", "--max-time", "20", fmt.Sprintf("http://%s:%d/", name, itemPort)))] = true
		}
		for ip := range met {
			if ip != s.ips[0] && ip != s.ips[1] {
				t.Errorf("curl reached %q", ip)
			}
		}
	})
	t.Run("Python", func(t *testing.T) {
		python := need(t, "python3", "python3")
		out := within(python, "-c", "import socket, sys\nfor a in sorted({i[4][0] for i in socket.getaddrinfo(sys.argv[1], 80, socket.AF_INET)}): print(a)", name)
		holds(t, "getaddrinfo", out, s.ips[0], s.ips[1])
	})
	t.Run("a change is not kept back", func(t *testing.T) {
		s.dropFirst(t)
		server := net.JoinHostPort(at.IP, "53")
		eventually(t, soon, func() error {
			m := ask(t, server, itemService, dns.TypeA)
			if len(m.Answer) != 1 || m.Answer[0].(*dns.A).A.String() != s.ips[1] {
				return fmt.Errorf("dnsmasq answers %v", m.Answer)
			}
			return nil
		})
	})
}

// TestAnAgentAsksItsRecursors has an agent pass names on to dnsmasq, which knows some.
func TestAnAgentAsksItsRecursors(t *testing.T) {
	begin(t)
	need(t, "dnsmasq", "dnsmasq-base")
	up, dead := place(t), place(t)
	startDNSMasq(t, up, "--address=/known.example/192.0.2.7", "--local=/example/", "--cname=alias.known.example,www.known.example",
		"--host-record=www.known.example,192.0.2.8", "--txt-record=long.known.example,"+strings.Repeat("x", 250)+","+strings.Repeat("y", 250)+","+strings.Repeat("z", 250))
	conf := write(t, t.TempDir(), "dns.hcl", fmt.Sprintf("recursors = [%q, %q]\ndns_config { recursor_strategy = \"fastest\" }\n",
		net.JoinHostPort(dead.IP, strconv.Itoa(dead.DNS)), net.JoinHostPort(up.IP, strconv.Itoa(up.DNS))))
	a := startAgent(t, "agent-1", "--insecure-gossip", "--config", conf)
	put(t, a, register, service{"Name": "outer", "Address": "www.known.example", "Port": 80})
	for _, c := range []struct {
		name  string
		qtype uint16
		rcode int
		want  []string
	}{
		{"a.known.example.", dns.TypeA, dns.RcodeSuccess, []string{"192.0.2.7"}},
		{"Alias.known.example.", dns.TypeA, dns.RcodeSuccess, []string{"Alias.known.example.", "www.known.example.", "192.0.2.8"}},
		{"nothing.example.", dns.TypeA, dns.RcodeNameError, nil},
		{"outer.service.local.", dns.TypeA, dns.RcodeSuccess, []string{"www.known.example.", "192.0.2.8"}},
		{"outer.service.local.", dns.TypeSRV, dns.RcodeSuccess, []string{"www.known.example.", "192.0.2.8"}},
		{"long.known.example.", dns.TypeTXT, dns.RcodeSuccess, []string{strings.Repeat("z", 250)}},
	} {
		eventually(t, soon, func() error {
			m := ask(t, a.DNSAddr(), c.name, c.qtype)
			if m.Rcode != c.rcode || !m.RecursionAvailable {
				return fmt.Errorf("%v", m)
			}
			for _, text := range c.want {
				if !strings.Contains(m.String(), text) {
					return fmt.Errorf("%q is not in %v", text, m)
				}
			}
			return nil
		})
	}
}

// Two servers that send each other what they do not know must not go round for ever.
func TestALoopOfForwardersEnds(t *testing.T) {
	begin(t)
	need(t, "dnsmasq", "dnsmasq-base")
	up := place(t)
	a := newAgent(t, "agent-1", "--insecure-gossip", "--config",
		write(t, t.TempDir(), "dns.hcl", fmt.Sprintf("recursors = [%q]\n", net.JoinHostPort(up.IP, strconv.Itoa(up.DNS)))))
	startDNSMasq(t, up, fmt.Sprintf("--server=%s#%d", a.IP, a.DNS))
	start(t, a)
	for i := range 5 {
		m := ask(t, a.DNSAddr(), fmt.Sprintf("www.number-%d.somewhere.example.", i), dns.TypeA)
		if m.Rcode != dns.RcodeServerFailure {
			t.Errorf("the answer is %v", m)
		}
	}
	if m := ask(t, a.DNSAddr(), "agent-1.node.local.", dns.TypeA); len(m.Answer) != 1 {
		t.Errorf("its own name is answered %v", m)
	}
	var status struct{ Counters map[string]uint64 }
	get(t, a, "/v1/covey/status", &status)
	if asked := status.Counters["dns_recursors_asked"]; asked > 10 {
		t.Errorf("5 questions had %d sent on: %v", asked, status.Counters)
	}
	t.Logf("of %d sent on %d were known when they came back", status.Counters["dns_recursors_asked"], status.Counters["dns_recursors_loops"])
}

// TestAnAgentIsNotItsOwnRecursor has one start with its own address.
func TestAnAgentIsNotItsOwnRecursor(t *testing.T) {
	begin(t)
	a := newAgent(t, "agent-1", "--insecure-gossip")
	a.Args = append(a.Args, "--config", write(t, t.TempDir(), "dns.hcl", fmt.Sprintf("recursors = [%q]\n", a.DNSAddr())))
	refusesToStart(t, a, "recursors", a.DNSAddr())
}
