package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"covey/e2e/rig"
	"covey/scripts/measure"
)

// slowDisk is what is added to each fsync of the agent for the second half, by the
// environment variable that the agent has for this.
const (
	slowDisk   = 5 * time.Millisecond
	fsyncDelay = "COVEY_TEST_FSYNC_DELAY"
)

func (b *bench) registrations() error {
	for _, delay := range []time.Duration{0, slowDisk} {
		disk, few := "the disk as it is", min(b.options.registrations, 1000)
		if delay > 0 {
			disk = fmt.Sprintf("%v added to each fsync", delay)
		}
		group, err := b.register(b.clients, b.options.registrations, delay)
		if err != nil {
			return err
		}
		row(fmt.Sprintf("%d registrations of %d services by %d clients, %s", group.sent, b.services, b.clients, disk),
			"%.0f/s, answered after p50 %.1f ms, p99 %.1f ms; all there after kill -9",
			group.rate(), group.quantile(0.5), group.quantile(0.99))
		alone, err := b.register(1, few, delay)
		if err != nil {
			return err
		}
		if delay > 0 && alone.rate() > 1/delay.Seconds() {
			return fmt.Errorf("one client alone gets %.0f registrations a second, more than an fsync of %v allows: the agent did not heed %s", alone.rate(), delay, fsyncDelay)
		}
		row("by one client: nothing to group", "%.0f/s", alone.rate())
		peer, err := b.fsyncEach(few, delay)
		if err != nil {
			return err
		}
		row("peer: a file, one fsync per registration", "%.0f/s, %.2f ms each; the %d clients get %.1f times that",
			peer, 1000/peer, b.clients, group.rate()/peer)
	}
	return nil
}

// load is what one run of registrations took.
type load struct {
	sent  int
	took  time.Duration
	waits []time.Duration // of each request, sorted
}

func (l load) rate() float64 { return float64(l.sent) / l.took.Seconds() }

// quantile is in milliseconds.
func (l load) quantile(q float64) float64 {
	return l.waits[int(q*float64(len(l.waits)-1))].Seconds() * 1000
}

// serviceName is the name of one of the services that the instances are spread over.
func serviceName(n int) string { return fmt.Sprintf("item-service-%d", n) }

// body is the registration every part of the run writes.
func (b *bench) body(n int) []byte { return bodyOf(n, b.services) }

// bodyOf is the nth registration where instances are spread over so many services.
func bodyOf(n, services int) []byte {
	text, err := json.Marshal(map[string]any{
		"ID": fmt.Sprintf("item-%d", n), "Name": serviceName(n % services), "Port": 8080,
		"Address": fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255),
		"Tags":    []string{"v1", "primary"},
		"Check":   map[string]any{"TTL": "10m", "Status": "passing"},
	})
	if err != nil {
		panic(err) // of strings and numbers: cannot be
	}
	return text
}

// register has clients register total instances on a new agent, kills it, and counts
// what the next start still knows.
func (b *bench) register(clients, total int, delay time.Duration) (load, error) {
	var env []string
	if delay > 0 {
		env = append(env, fsyncDelay+"="+delay.String())
	}
	a, err := b.agent(env...)
	if err != nil {
		return load{}, err
	}
	if err := a.Start(); err != nil {
		return load{}, err
	}
	defer a.Kill()

	l, err := send(a, clients, 0, total, b.services)
	if err != nil {
		return load{}, err
	}

	if err := a.Kill(); err != nil {
		return load{}, err
	}
	if err := a.Start(); err != nil {
		return load{}, err
	}
	var there map[string]any
	if _, err := a.Get("/v1/agent/services", &there); err != nil {
		return load{}, err
	}
	for n := range total {
		if there[fmt.Sprintf("item-%d", n)] == nil {
			return load{}, fmt.Errorf("item-%d was acknowledged and is not there after kill -9 (%d of %d are)", n, len(there), total)
		}
	}
	return l, nil
}

// send has clients register instances, from the first on, each with one connection.
func send(a *rig.Agent, clients, first, total, services int) (load, error) {
	l := load{sent: total, waits: make([]time.Duration, total)}
	numbers := make(chan int, total)
	for n := range total {
		numbers <- n
	}
	close(numbers)
	errs := make([]error, clients)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range clients {
		wg.Go(func() {
			c, err := measure.Dial(a.HTTPAddr())
			if err != nil {
				errs[i] = err
				return
			}
			defer c.Close()
			for n := range numbers {
				sent := time.Now()
				if errs[i] = c.Register(bodyOf(first+n, services)); errs[i] != nil {
					return
				}
				l.waits[n] = time.Since(sent)
			}
		})
	}
	wg.Wait()
	l.took = time.Since(began)
	slices.Sort(l.waits)
	return l, errors.Join(errs...)
}

// fsyncEach appends total registrations to a file with an fsync for each, and returns
// how many that were a second.
func (b *bench) fsyncEach(total int, delay time.Duration) (rate float64, err error) {
	f, err := os.Create(filepath.Join(b.dir, "peer"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	began := time.Now()
	for n := range total {
		if _, err := f.Write(b.body(n)); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		time.Sleep(delay)
	}
	return float64(total) / time.Since(began).Seconds(), nil
}
