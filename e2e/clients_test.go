package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"covey/e2e/rig"
)

// need returns the path of a program, or skips the test with what would bring it.
func need(t *testing.T, program, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		for _, dir := range []string{"/usr/sbin", "/sbin"} { // not on everybody's path
			if path, err = exec.LookPath(filepath.Join(dir, program)); err == nil {
				return path
			}
		}
		t.Skipf("%s is not installed; on Debian it is in %s", program, debianPackage)
	}
	return path
}

// run runs a program that must succeed.
func run(t *testing.T, path string, args ...string) string {
	t.Helper()
	out, err := rig.RunProgram(path, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// serve starts a program that runs until the test ends.
func serve(t *testing.T, path string, args ...string) *rig.Program {
	t.Helper()
	p, err := rig.StartProgram(path, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("%s wrote:\n%s", path, p.Output.String())
		}
	})
	return p
}

// place is an address of this host on which nothing listens.
func place(t *testing.T) rig.Place {
	t.Helper()
	p, err := rig.FindPlace()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// site is item-service on two addresses of this host, of which each answers over HTTP with
// its address, and an agent that knows them.
type site struct {
	agent *rig.Agent
	ips   [2]string
}

const itemPort = 8080

func newSite(t *testing.T, agent *rig.Agent) *site {
	t.Helper()
	s := &site{agent: agent}
	for i := range s.ips {
		ip := place(t).IP
		s.ips[i] = ip
		l, err := net.Listen("tcp", net.JoinHostPort(ip, strconv.Itoa(itemPort)))
		if err != nil {
			t.Skipf("needs a second loopback address with port %d: %v", itemPort, err)
		}
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, ip) }))
		server.Listener.Close()
		server.Listener = l
		server.Start()
		t.Cleanup(server.Close)
		body, _ := item(fmt.Sprintf("item-%d", i), ip, i+1, nil)
		put(t, agent, register, body)
	}
	eventually(t, soon, func() error { return s.agent.Answers(itemService, s.endpoints()...) })
	return s
}

func (s *site) endpoints() []rig.Endpoint {
	return []rig.Endpoint{{Address: s.ips[0], Port: itemPort, Weight: 1}, {Address: s.ips[1], Port: itemPort, Weight: 2}}
}

// dropFirst takes the first instance out.
func (s *site) dropFirst(t *testing.T) {
	t.Helper()
	put(t, s.agent, "/v1/agent/service/deregister/item-0", nil)
}

// holds fails the test unless text has a line for each of want, and no other line.
func holds(t *testing.T, what, text string, want ...string) {
	t.Helper()
	got := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range got {
		got[i] = strings.Join(strings.Fields(line), " ")
	}
	slices.Sort(got)
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("%s printed\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// srvTarget is how an SRV record names an address.
func srvTarget(ip string) string {
	b := net.ParseIP(ip).To4()
	return fmt.Sprintf("%02x%02x%02x%02x.addr.dc1.local.", b[0], b[1], b[2], b[3])
}

func (s *site) srvLines() []string {
	return []string{fmt.Sprintf("1 1 %d %s", itemPort, srvTarget(s.ips[0])), fmt.Sprintf("1 2 %d %s", itemPort, srvTarget(s.ips[1]))}
}

func TestToolsThatAskDNS(t *testing.T) {
	begin(t)
	a := startAgent(t, "agent-1", "--insecure-gossip")
	s := newSite(t, a)
	port := strconv.Itoa(a.DNS)
	t.Run("dig", func(t *testing.T) {
		dig := need(t, "dig", "bind9-dnsutils")
		ask := func(args ...string) string { return run(t, dig, append([]string{"@" + a.IP, "-p", port}, args...)...) }
		for _, how := range []string{"+edns=0", "+noedns", "+tcp", "+bufsize=512", "+dnssec", "+nocookie", "+nsid", "+subnet=192.0.2.0/24"} {
			holds(t, "dig "+how, ask("+short", how, itemService, "SRV"), s.srvLines()...)
			holds(t, "dig "+how, ask("+short", how, itemService, "A"), s.ips[0], s.ips[1])
		}
		holds(t, "dig -x", ask("+short", "-x", s.ips[0]), "item-service.service.local.")
		holds(t, "dig soa", ask("+short", "local", "SOA"), strings.Join(strings.Fields(ask("+short", "+tcp", "local", "SOA")), " "))
		whole := ask(itemService, "SRV")
		for _, text := range []string{"status: NOERROR", "qr aa rd", "ANSWER: 2", "ADDITIONAL: 3"} {
			if !strings.Contains(whole, text) {
				t.Errorf("dig does not print %q:\n%s", text, whole)
			}
		}
		if strings.Contains(whole, "WARNING: recursion requested but not available") == strings.Contains(whole, " ra") {
			t.Errorf("RA is set without recursors:\n%s", whole)
		}
		for name, rcode := range map[string]string{"none.service.local.": "NXDOMAIN", "example.com.": "REFUSED"} {
			if out := ask(name, "A"); !strings.Contains(out, "status: "+rcode) {
				t.Errorf("dig %s does not print %s:\n%s", name, rcode, out)
			}
		}
	})
	t.Run("kdig", func(t *testing.T) {
		kdig := need(t, "kdig", "knot-dnsutils")
		for _, how := range []string{"+edns", "+noedns", "+tcp", "+tcp +keepopen", "+padding=128"} {
			args := append([]string{"@" + a.IP, "-p", port, "+short"}, strings.Fields(how)...)
			holds(t, "kdig "+how, run(t, kdig, append(args, itemService, "SRV")...), s.srvLines()...)
		}
	})
	t.Run("drill", func(t *testing.T) {
		drill := need(t, "drill", "ldnsutils")
		for _, how := range []string{"-u", "-t"} {
			out := run(t, drill, how, "-p", port, "@"+a.IP, itemService, "SRV")
			for _, line := range s.srvLines() {
				if !strings.Contains(out, line) {
					t.Errorf("drill %s does not print %q:\n%s", how, line, out)
				}
			}
		}
	})
	t.Run("Python", func(t *testing.T) {
		python := need(t, "python3", "python3")
		holds(t, "the script", run(t, python, "-c", pythonAsks, a.IP, port, strings.TrimSuffix(itemService, ".")), s.ips[0], s.ips[1])
	})
}

// pythonAsks asks for addresses with what every Python has, as scripts do that want no
// resolver of the system: ADDRESS PORT NAME.
const pythonAsks = `
import random, socket, struct, sys
server, name = (sys.argv[1], int(sys.argv[2])), sys.argv[3]
id = random.randrange(65536)
labels = b"".join(bytes([len(l)]) + l.encode() for l in name.split("."))
question = labels + b"\0" + struct.pack(">HH", 1, 1)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
s.sendto(struct.pack(">HHHHHH", id, 0x0100, 1, 0, 0, 0) + question, server)
reply, sender = s.recvfrom(512)
assert sender == server, sender
rid, flags, qd, an, ns, ar = struct.unpack(">HHHHHH", reply[:12])
assert rid == id and flags & 0x8000 and flags & 15 == 0 and qd == 1, reply
assert reply[12:12 + len(question)] == question, reply
at = 12 + len(question)
for _ in range(an):
    assert reply[at] & 0xc0 == 0xc0, reply
    rtype, rclass, ttl, length = struct.unpack(">HHIH", reply[at + 2:at + 12])
    assert (rtype, rclass, ttl, length) == (1, 1, 0, 4), reply
    print(socket.inet_ntoa(reply[at + 12:at + 16]))
    at += 16
`

// Go's own resolver, as every Go program has it.
func TestGosResolver(t *testing.T) {
	begin(t)
	s := newSite(t, startAgent(t, "agent-1", "--insecure-gossip"))
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.agent.DNSAddr())
	}}
	addrs, err := r.LookupHost(ctx, itemService)
	slices.Sort(addrs)
	want := slices.Sorted(slices.Values(s.ips[:]))
	if err != nil || !slices.Equal(addrs, want) {
		t.Errorf("addresses are %v, %v, want %v", addrs, err, want)
	}
	_, targets, err := r.LookupSRV(ctx, "item-service", "tcp", "service.local.")
	if err != nil || len(targets) != 2 {
		t.Fatalf("targets are %v, %v", targets, err)
	}
	for _, target := range targets {
		at, err := r.LookupHost(ctx, target.Target)
		if err != nil || len(at) != 1 || target.Port != itemPort || !slices.Contains(want, at[0]) {
			t.Errorf("%v is at %v, %v", target, at, err)
		}
	}
	if names, err := r.LookupAddr(ctx, s.ips[0]); err != nil || !slices.Equal(names, []string{"item-service.service.local."}) {
		t.Errorf("%s is %v, %v", s.ips[0], names, err)
	}
	_, err = r.LookupHost(ctx, "none.service.local.")
	if e, ok := err.(*net.DNSError); !ok || !e.IsNotFound {
		t.Errorf("a service that is not there gives %v", err)
	}
}

// fetch returns what a proxy answers, without the end of the line.
func fetch(url string) (string, error) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", res.StatusCode, body)
	}
	return strings.TrimSpace(string(body)), err
}

// reaches waits until a proxy sends requests to these instances and no other.
func reaches(t *testing.T, p *rig.Program, url string, want ...string) {
	t.Helper()
	want = slices.Sorted(slices.Values(want))
	eventually(t, soon, func() error {
		if err := p.Running(); err != nil {
			return err
		}
		met := map[string]bool{}
		for range 30 { // by chance all go to one of two, of weights 1 and 2, once in 190,000 times
			ip, err := fetch(url)
			if err != nil {
				return err
			}
			met[ip] = true
		}
		var got []string
		for ip := range met {
			got = append(got, ip)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			return fmt.Errorf("it reaches %v, want %v", got, want)
		}
		return nil
	})
}

// nginx resolves a name in a variable while it runs, and keeps the answer for "valid".
func TestNginxFollowsTheService(t *testing.T) {
	begin(t)
	nginx := need(t, "nginx", "nginx-light")
	s := newSite(t, startAgent(t, "agent-1", "--insecure-gossip"))
	dir, front := t.TempDir(), place(t)
	listen := net.JoinHostPort(front.IP, "8080")
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // the directory is ours
	}
	conf := write(t, dir, "nginx.conf", fmt.Sprintf(`
%s
daemon off;
master_process off;
pid %s/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path %[2]s/a; proxy_temp_path %[2]s/b; fastcgi_temp_path %[2]s/c; uwsgi_temp_path %[2]s/d; scgi_temp_path %[2]s/e;
  resolver %s valid=1s ipv6=off;
  server {
    listen %s;
    location / {
      set $item item-service.service.local;
      proxy_pass http://$item:%d;
    }
  }
}
`, user, dir, s.agent.DNSAddr(), listen, itemPort))
	p := serve(t, nginx, "-p", dir, "-c", conf, "-e", "stderr")
	reaches(t, p, "http://"+listen, s.ips[:]...)
	s.dropFirst(t)
	reaches(t, p, "http://"+listen, s.ips[1])
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// HAProxy fills its servers from SRV records: addresses, ports and weights.
func TestHAProxyFollowsTheService(t *testing.T) {
	begin(t)
	haproxy := need(t, "haproxy", "haproxy")
	s := newSite(t, startAgent(t, "agent-1", "--insecure-gossip"))
	front := place(t)
	listen := net.JoinHostPort(front.IP, "8080")
	conf := write(t, t.TempDir(), "haproxy.cfg", fmt.Sprintf(`
resolvers covey
  nameserver agent %s
  accepted_payload_size 8192
  timeout resolve 200ms
  timeout retry 1s
  hold valid 1s
  hold nx 1s
  hold obsolete 0s
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend front
  bind %s
  default_backend items
backend items
  balance roundrobin
  server-template item 4 _item-service._tcp.service.local resolvers covey resolve-prefer ipv4 init-addr none
`, s.agent.DNSAddr(), listen))
	p := serve(t, haproxy, "-db", "-f", conf)
	reaches(t, p, "http://"+listen, s.ips[:]...)
	s.dropFirst(t)
	reaches(t, p, "http://"+listen, s.ips[1])
	body, _ := item("item-0", s.ips[0], 1, nil)
	put(t, s.agent, register, body)
	reaches(t, p, "http://"+listen, s.ips[:]...)
}
