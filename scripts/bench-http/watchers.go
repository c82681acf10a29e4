package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"covey/e2e/rig"
	"covey/scripts/measure"
)

// watched is how many services the waiting clients are spread over.
const watched = 20

const acceptTime = 10 * time.Second

// woken is a client that was answered.
type woken struct {
	service int
	at      time.Time
	err     error
}

// measureWatchers has clients wait, each for one of several services, and changes one.
func measureWatchers(o options, a *rig.Agent) error {
	before, err := measure.ResidentKB(a.PID())
	if err != nil {
		return err
	}
	for s := range watched {
		if err := register(a, serviceName(s), serviceName(s), 9000+s); err != nil {
			return err
		}
	}
	answers := make(chan woken, o.watchers)
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for i := range o.watchers {
		c, in, index, err := ask(a.HTTPAddr(), serviceName(i%watched))
		if err != nil {
			return fmt.Errorf("client %d of %d: %w (is ulimit -n above that?)", i, o.watchers, err)
		}
		conns = append(conns, c)
		if err := send(c, a.HTTPAddr(), serviceName(i%watched), index); err != nil {
			return err
		}
		go func() {
			_, err := receive(in)
			answers <- woken{i % watched, time.Now(), err}
		}()
	}
	if _, err := rig.Until(time.Minute, func() error { return waiting(a, o.watchers) }); err != nil {
		return err
	}
	resident, err := measure.ResidentKB(a.PID())
	if err != nil {
		return err
	}
	fmt.Printf("| %d clients waiting for %d services | %.0f MB resident, %.0f before; %.1f KB each |\n",
		o.watchers, watched, float64(resident)/1024, float64(before)/1024, float64(resident-before)/float64(o.watchers))

	spent, err := measure.CPUTime(a.PID())
	if err != nil {
		return err
	}
	began := time.Now()
	if err := register(a, serviceName(0), serviceName(0), 1); err != nil {
		return err
	}
	var took []time.Duration
	for range (o.watchers + watched - 1) / watched {
		w := <-answers
		if w.err != nil {
			return fmt.Errorf("a client that waited: %w", w.err)
		}
		if w.service != 0 {
			return fmt.Errorf("a client of another service was woken: %s", serviceName(w.service))
		}
		took = append(took, w.at.Sub(began))
	}
	after, err := measure.CPUTime(a.PID())
	if err != nil {
		return err
	}
	if err := waiting(a, o.watchers-len(took)); err != nil {
		return err
	}
	slices.Sort(took)
	fmt.Printf("| a change of one of them, from before it is sent until its %d clients are answered | p50 %.0f ms, last %.0f ms, %.0f us of processor time for each; nobody else is woken |\n",
		len(took), milliseconds(took[len(took)/2]), milliseconds(took[len(took)-1]), float64((after-spent).Microseconds())/float64(len(took)))
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func serviceName(i int) string { return "watched-" + strconv.Itoa(i) }

var waitingMetric = regexp.MustCompile(`(?m)^covey_http_waiting ([0-9.e+]+)$`)

// waiting returns nil if so many reads are blocked, by the agent's own count.
func waiting(a *rig.Agent, want int) error {
	res, err := a.Get("/metrics", nil)
	if err != nil {
		return err
	}
	m := waitingMetric.FindSubmatch(res.Body)
	if m == nil {
		return fmt.Errorf("the agent does not say how many wait")
	}
	if got, err := strconv.ParseFloat(string(m[1]), 64); err != nil || int(got) != want {
		return fmt.Errorf("%s clients wait, want %d", m[1], want)
	}
	return nil
}

// ask connects and reads a service once, for its index.
func ask(addr, service string) (net.Conn, *bufio.Reader, uint64, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, nil, 0, err
	}
	in := bufio.NewReaderSize(c, 512)
	_ = c.SetDeadline(time.Now().Add(acceptTime)) // an agent that may open no more files accepts nobody
	if err := send(c, addr, service, 0); err != nil {
		return nil, nil, 0, err
	}
	index, err := receive(in)
	_ = c.SetDeadline(time.Time{})
	return c, in, index, err
}

func send(c net.Conn, addr, service string, index uint64) error {
	_, err := fmt.Fprintf(c, "GET /v1/health/service/%s?passing&wait=10m&index=%d HTTP/1.1\r\nHost: %s\r\n\r\n", service, index, addr)
	return err
}

func receive(in *bufio.Reader) (index uint64, err error) {
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return 0, err
	}
	if res.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("answered with %s", res.Status)
	}
	return strconv.ParseUint(res.Header.Get("X-Consul-Index"), 10, 64)
}
