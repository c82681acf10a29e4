package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"covey/e2e/rig"
)

// server is one that dnsperf can ask.
type server struct {
	name string
	ip   string
	port int
	pid  func() int
	stop func()
}

const (
	nsdName     = "NSD"
	knotName    = "Knot DNS"
	serviceName = "item-service.service.local"
)

// packages are Debian's names for the programs.
var packages = map[string]string{"dnsperf": "dnsperf", "nsd": "nsd", "knotd": "knot"}

// install brings what is missing, where apt-get is there. Only dnsperf is needed.
func install(programs ...string) error {
	for _, program := range programs {
		if found(program) != "" {
			continue
		}
		if out, err := exec.Command("apt-get", "install", "-y", "-q", packages[program]).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%s is missing and cannot be installed: %v\n%s\n", program, err, out)
		}
	}
	if found("dnsperf") == "" {
		return errors.New("dnsperf is needed; Debian's package is called dnsperf")
	}
	return nil
}

// found is the path of a program, "" if it is not there. Daemons are often not on a
// user's path.
func found(program string) string {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin") {
		path := filepath.Join(dir, program)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// startServers starts Covey and its peers, all with the same records.
func (b *bench) startServers() error {
	if err := b.startCovey("Covey", b.serviceConfig()); err != nil {
		return err
	}
	if b.portable {
		if err := b.startCovey("Covey, portable loop", b.serviceConfig()+"\ndns_config { portable_udp = true }\n"); err != nil {
			return err
		}
	}
	zone := filepath.Join(b.dir, "zone")
	if err := os.WriteFile(zone, []byte(b.zone()), 0o644); err != nil {
		return err
	}
	for _, start := range []func(zone string) error{b.startNSD, b.startKnot} {
		if err := start(zone); err != nil {
			return err
		}
	}
	return nil
}

// startCovey starts an agent with a configuration of its own.
func (b *bench) startCovey(name, config string) error {
	place, err := rig.FindPlace()
	if err != nil {
		return err
	}
	file := filepath.Join(b.dir, strings.NewReplacer(" ", "-", ",", "").Replace(name)+".hcl")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return err
	}
	a := &rig.Agent{Binary: b.binary, Node: "bench", Place: place, Args: []string{"--config", file, "--log-level", "warn"}}
	if err := a.Start(); err != nil {
		return err
	}
	b.servers = append(b.servers, server{name: name, ip: place.IP, port: place.DNS, pid: a.PID, stop: func() { a.Kill() }})
	return nil
}

// serviceConfig registers the service that is asked for.
func (b *bench) serviceConfig() string {
	var s strings.Builder
	for i := range b.instances {
		fmt.Fprintf(&s, "service {\n  id = \"item-%d\"\n  name = \"item-service\"\n  address = \"%s\"\n  port = %d\n  weights { passing = %d }\n}\n",
			i, address(i), 8080, 1+i%5)
	}
	return s.String()
}

func address(i int) string { return fmt.Sprintf("10.%d.%d.%d", 1+i>>16, i>>8&255, i&255) }

// zone has the same records for a server of static zones.
func (b *bench) zone() string {
	var s strings.Builder
	s.WriteString("$ORIGIN local.\n$TTL 0\n@ SOA ns hostmaster 1 3600 600 86400 0\n@ NS ns\nns A 127.0.0.1\n")
	for i := range b.instances {
		ip := net.ParseIP(address(i)).To4()
		hex := fmt.Sprintf("%02x%02x%02x%02x.addr.dc1", ip[0], ip[1], ip[2], ip[3])
		fmt.Fprintf(&s, "item-service.service A %s\nitem-service.service SRV 1 %d 8080 %s\n%s A %s\n", ip, 1+i%5, hex, hex, ip)
	}
	return s.String()
}

func (b *bench) startNSD(zone string) error {
	return b.startPeer(nsdName, "nsd", func(dir, ip string, port int) (config string, args []string) {
		config = fmt.Sprintf("server:\n  server-count: 2\n  reuseport: yes\n  ip-address: %s@%d\n  username: \"\"\n  rrl-ratelimit: 0\n"+
			"  database: \"\"\n  pidfile: %q\n  zonesdir: %q\n  xfrdfile: %q\n  zonelistfile: %q\n  xfrdir: %q\n  minimal-responses: no\n"+
			"remote-control:\n  control-enable: no\nzone:\n  name: local\n  zonefile: %q\n",
			ip, port, dir+"/pid", dir, dir+"/xfrd", dir+"/zonelist", dir, zone)
		return config, []string{"-d", "-c"}
	})
}

func (b *bench) startKnot(zone string) error {
	return b.startPeer(knotName, "knotd", func(dir, ip string, port int) (config string, args []string) {
		config = fmt.Sprintf("server:\n  listen: %s@%d\n  udp-workers: 2\n  rundir: %q\ndatabase:\n  storage: %q\n"+
			"zone:\n  - domain: local\n    file: %q\n    zonefile-sync: -1\n    journal-content: none\n", ip, port, dir, dir, zone)
		return config, []string{"-c"}
	})
}

// startPeer starts a program that is there and waits until it answers.
func (b *bench) startPeer(name, program string, configure func(dir, ip string, port int) (config string, args []string)) error {
	path := found(program)
	if path == "" {
		return nil
	}
	place, err := rig.FindPlace()
	if err != nil {
		return err
	}
	dir := filepath.Join(b.dir, program)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	config, args := configure(dir, place.IP, place.DNS)
	file := filepath.Join(dir, "conf")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return err
	}
	var output rig.Output
	cmd := exec.Command(path, append(args, file)...)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", name, err)
	}
	s := server{name: name, ip: place.IP, port: place.DNS, pid: func() int { return cmd.Process.Pid }, stop: func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // its children end with it
		_ = cmd.Wait()
	}}
	b.servers = append(b.servers, s)
	q := new(dns.Msg).SetQuestion(serviceName+".", dns.TypeSRV).SetEdns0(4096, false)
	if _, err := rig.Until(10*time.Second, func() error {
		m, err := dns.Exchange(q, net.JoinHostPort(s.ip, strconv.Itoa(s.port)))
		if err == nil && len(m.Answer) != b.instances {
			err = fmt.Errorf("%d answers instead of %d", len(m.Answer), b.instances)
		}
		return err
	}); err != nil {
		return fmt.Errorf("starting %s: %w\n%s", name, err, output.String())
	}
	return nil
}
