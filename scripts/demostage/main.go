// Command demostage does for scripts/demo what a shell cannot without further tools: it
// finds free ports, plays the instances of item-service, and asks DNS a thousand times.
//
//	demostage ports IP...              four ports free on all of them: gossip, HTTP, DNS, service
//	demostage serve ADDR...            an HTTP server with /health on each, until killed
//	demostage answers IP PORT          wait until an agent answers DNS there
//	demostage share IP PORT NAME N     N lookups by DNS, and how often each instance came first
//	demostage until N IP PORT NAME     wait until NAME has N instances; print how long it took
package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"covey/e2e/rig"
)

func main() {
	if err := perform(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func perform(args []string) error {
	switch {
	case len(args) > 1 && args[0] == "ports":
		return ports(args[1:])
	case len(args) > 1 && args[0] == "serve":
		return serve(args[1:])
	case len(args) == 3 && args[0] == "answers":
		return answers(args[1], args[2])
	case len(args) == 5 && args[0] == "share":
		return share(args[1], args[2], args[3], args[4])
	case len(args) == 5 && args[0] == "until":
		return until(args[1], args[2], args[3], args[4])
	}
	return errors.New("want ports, serve, answers, share or until, and their arguments: see the comment in scripts/demostage/main.go")
}

// ports prints four ports that are free on every address. They lie beside the usual
// ones, so that an agent that runs already is left in peace; the service's is 8080 if
// it can be.
func ports(ips []string) error {
	for _, ip := range ips {
		l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
		if err != nil {
			return fmt.Errorf("this system has no address %s (%w); on macOS add it first: sudo ifconfig lo0 alias %s", ip, err, ip)
		}
		l.Close()
	}
	var chosen []string
	for _, want := range []int{17946, 18500, 18600, 8080} {
		port, err := freeFrom(want, ips)
		if err != nil {
			return err
		}
		chosen = append(chosen, strconv.Itoa(port))
	}
	fmt.Println(strings.Join(chosen, " "))
	return nil
}

// freeFrom returns the first port from want on that is free on every address.
func freeFrom(want int, ips []string) (int, error) {
	var last error
	for port := want; port < want+50; port++ {
		last = nil
		for _, ip := range ips {
			last = errors.Join(last, rig.PortFree(ip, port))
		}
		if last == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no port from %d to %d is free on %s: %w", want, want+49, strings.Join(ips, ", "), last)
}

// serve plays one instance of item-service on each address.
func serve(addrs []string) error {
	failed := make(chan error)
	for _, addr := range addrs {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		mux := http.NewServeMux()
		mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "item-service is well") })
		mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "an item from", addr) })
		s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
		go func() { failed <- s.Serve(l) }()
	}
	fmt.Println("ready")
	return <-failed
}

// agentAt is an agent that runs already.
func agentAt(ip, port string) (*rig.Agent, error) {
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("port: %w", err)
	}
	return &rig.Agent{Node: ip, Place: rig.Place{IP: ip, DNS: n}}, nil
}

// startTime bounds an agent's start. One that is not up by then has failed.
const startTime = 10 * time.Second

func answers(ip, port string) error {
	a, err := agentAt(ip, port)
	if err != nil {
		return err
	}
	_, err = rig.Until(startTime, func() error {
		_, err := a.Ask("local.", "SOA")
		return err
	})
	return err
}

func share(ip, port, name, count string) error {
	a, err := agentAt(ip, port)
	if err != nil {
		return err
	}
	rounds, err := strconv.Atoi(count)
	if err != nil || rounds < 1 {
		return fmt.Errorf("%q is no number of lookups", count)
	}
	endpoints, err := a.SRV(name)
	if err != nil {
		return err
	}
	began := time.Now()
	shares, err := a.Shares(name, "A", rounds)
	if err != nil {
		return err
	}
	took := time.Since(began)
	slices.SortFunc(endpoints, func(a, b rig.Endpoint) int { return strings.Compare(a.Address, b.Address) })
	for _, e := range endpoints {
		part := float64(shares[e.Address]) / float64(rounds)
		fmt.Printf("%-10s weight %d  %4d times first  %4.1f %%  %s\n", e.Address, e.Weight, shares[e.Address],
			100*part, strings.Repeat("#", int(40*part+0.5)))
	}
	fmt.Printf("%d lookups by DNS in %.2f s\n", rounds, took.Seconds())
	return nil
}

// patience bounds the wait for a change: a failed host is noticed in seconds.
const patience = 90 * time.Second

func until(count, ip, port, name string) error {
	a, err := agentAt(ip, port)
	if err != nil {
		return err
	}
	want, err := strconv.Atoi(count)
	if err != nil {
		return fmt.Errorf("%q is no number of instances", count)
	}
	took, err := rig.Until(patience, func() error {
		got, err := a.SRV(name)
		if err == nil && len(got) != want {
			err = fmt.Errorf("%s has %d instances, want %d", name, len(got), want)
		}
		return err
	})
	if err != nil {
		return err
	}
	fmt.Printf("%.1f s\n", took.Seconds())
	return nil
}
