package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"covey/e2e/rig"
)

// large asks one agent for many services, first while nothing changes, then while
// checks turn from passing to warning and back all the time.
func (b *bench) large() error {
	if err := b.startLarge(); err != nil {
		return err
	}
	s := b.servers[0]
	file := filepath.Join(b.dir, "questions-large")
	if err := os.WriteFile(file, []byte(b.largeQuestions()), 0o600); err != nil {
		return err
	}
	var quiet, churned costs
	for range b.runs {
		c, err := b.load(s, file, 0)
		if err != nil {
			return err
		}
		quiet = append(quiet, c)
		stop, err := b.churnHealth(s)
		if err != nil {
			return err
		}
		c, err = b.load(s, file, 0)
		if done := stop(); err == nil {
			err = done
		}
		if err != nil {
			return err
		}
		churned = append(churned, c)
	}
	what := fmt.Sprintf("SRV of %d services with %d instances each, EDNS", b.services, b.each)
	fmt.Printf("| %s | Covey | %s | - | %.0f |\n", what, quiet, quiet.rate())
	fmt.Printf("| the same, with %d changes of health a second | Covey | %s, %.2f of the quiet figure; no question lost | - | %.0f |\n",
		b.churn, churned, churned.cpu()/quiet.cpu(), churned.rate())
	return b.halfLoad(s, churned.rate()/2)
}

// halfLoad asks at a steady rate while health changes, and times each answer.
func (b *bench) halfLoad(s server, rate float64) error {
	stop, err := b.churnHealth(s)
	if err != nil {
		return err
	}
	p50, p99, latest, err := pace(net.JoinHostPort(s.ip, strconv.Itoa(s.port)), b.services, rate, b.time)
	if done := stop(); err == nil {
		err = done
	}
	if err != nil {
		return err
	}
	fmt.Printf("| the same at half of that load | Covey | answered after p50 %.2f ms, p99 %.2f ms, at most %.2f ms | - | %.0f |\n",
		ms(p50), ms(p99), ms(latest), rate)
	return nil
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }

func largeName(service int) string { return fmt.Sprintf("large-%d", service) }

func (b *bench) largeQuestions() string {
	var s strings.Builder
	for i := range b.services {
		fmt.Fprintf(&s, "%s.service.local SRV\n", largeName(i))
	}
	return s.String()
}

// startLarge starts an agent and registers the large catalogue. Each instance has a TTL
// check, by which its health is changed.
func (b *bench) startLarge() error {
	place, err := rig.FindPlace()
	if err != nil {
		return err
	}
	a := &rig.Agent{Binary: b.binary, Node: "bench", Place: place, DataDir: filepath.Join(b.dir, "large"),
		Args: []string{"--insecure-gossip", "--log-level", "warn"}}
	if err := a.Start(); err != nil {
		return err
	}
	b.servers = append(b.servers, server{name: "Covey", ip: place.IP, port: place.DNS, pid: a.PID, stop: func() { a.Kill() }})
	const clients = 32
	errs := make(chan error, clients)
	for c := range clients {
		go func() {
			for n := c; n < b.services*b.each; n += clients {
				body := fmt.Sprintf(`{"ID":"large-%d","Name":%q,"Address":%q,"Port":8080,"Weights":{"Passing":%d,"Warning":1},"Check":{"TTL":"1h","Status":"passing"}}`,
					n, largeName(n%b.services), address(n), 1+n%7)
				if err := a.Put("/v1/agent/service/register", []byte(body)); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range clients {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

// churnHealth changes the health of one instance after the other until stop is called,
// which says whether it kept up.
func (b *bench) churnHealth(s server) (stop func() error, err error) {
	done, ended := make(chan struct{}), make(chan error, 1)
	url := "http://" + net.JoinHostPort(s.ip, "8500") + "/v1/agent/check/update/service:large-"
	go func() {
		tick := time.NewTicker(time.Second / time.Duration(b.churn))
		defer tick.Stop()
		client := &http.Client{Timeout: 5 * time.Second}
		for n := 0; ; n++ {
			select {
			case <-done:
				ended <- nil
				return
			case <-tick.C:
			}
			status := [...]string{"warning", "passing"}[n/(b.services*b.each)%2]
			req, err := http.NewRequest(http.MethodPut, url+strconv.Itoa(n%(b.services*b.each)), bytes.NewReader([]byte(`{"Status":"`+status+`"}`)))
			if err == nil {
				var res *http.Response
				if res, err = client.Do(req); err == nil {
					res.Body.Close()
					if res.StatusCode != http.StatusOK {
						err = fmt.Errorf("changing a check: %s", res.Status)
					}
				}
			}
			if err != nil {
				ended <- err
				return
			}
		}
	}()
	var once sync.Once
	return func() error {
		once.Do(func() { close(done) })
		return <-ended
	}, nil
}
