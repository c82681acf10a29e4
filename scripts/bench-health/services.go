//go:build unix

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"covey/e2e/rig"
	"covey/scripts/measure"
)

// services are what the checks are of: each is known by the path it is asked for, or by
// the loopback address it is dialled at.
type services struct {
	http, tcp net.Listener
	server    *http.Server
	flapping  bool // each answers well and badly in turn

	mu   sync.Mutex
	runs [][]time.Time // when each was asked
}

func serve(n int, flapping bool) (*services, error) {
	s := &services{runs: make([][]time.Time, n), flapping: flapping}
	var err error
	if s.http, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	if s.tcp, err = net.Listen("tcp", "0.0.0.0:0"); err != nil { // all of 127.0.0.0/8
		s.http.Close()
		return nil, err
	}
	s.server = &http.Server{Handler: s}
	go s.server.Serve(s.http)
	go s.accept()
	return s, nil
}

func (s *services) close() {
	s.server.Close()
	s.tcp.Close()
}

// ServeHTTP answers for the service that the path names.
func (s *services) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
	if err != nil || i >= len(s.runs) {
		http.NotFound(w, r)
		return
	}
	if n := s.note(i); s.flapping && n%2 == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	io.WriteString(w, "ok")
}

func (s *services) accept() {
	for {
		conn, err := s.tcp.Accept()
		if err != nil {
			return
		}
		ip := conn.LocalAddr().(*net.TCPAddr).IP.To4()
		s.note(int(ip[2])*200 + int(ip[3]) - 1)
		conn.Close()
	}
}

// note returns how often the service was asked.
func (s *services) note(i int) int {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if i < 0 || i >= len(s.runs) {
		return 0
	}
	s.runs[i] = append(s.runs[i], now)
	return len(s.runs[i])
}

// forget begins to note anew, with the last time of each.
func (s *services) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, times := range s.runs {
		if n := len(times); n > 1 {
			s.runs[i] = []time.Time{times[n-1]}
		}
	}
}

// check is the check of a service: every other one is TCP, unless they flap.
func (s *services) check(i int) string {
	if i%2 == 1 && !s.flapping {
		return fmt.Sprintf(`"TCP":"127.77.%d.%d:%d"`, i/200, i%200+1, s.tcp.Addr().(*net.TCPAddr).Port)
	}
	return fmt.Sprintf(`"HTTP":"http://%s/%d"`, s.http.Addr(), i)
}

// register registers an instance for each, of 100 services.
func (s *services) register(a *rig.Agent, interval time.Duration) error {
	client, err := measure.Dial(a.HTTPAddr())
	if err != nil {
		return err
	}
	defer client.Close()
	for i := range s.runs {
		body := fmt.Sprintf(`{"Name":"bench-%d","ID":"bench-%d","Port":%d,"Check":{%s,"Interval":"%v"}}`, i%100, i, 1024+i, s.check(i), interval)
		if err := client.Register([]byte(body)); err != nil {
			return err
		}
	}
	return nil
}
