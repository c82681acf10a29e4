package main

import (
	"fmt"
	"os"
	"sync"

	"covey/e2e/rig"
	"covey/scripts/measure"
)

// bench is one run of the program.
type bench struct {
	options
	binary rig.Binary
	dir    string
	key    string // of gossip
	agents int    // made so far

	mu   sync.Mutex // guards pids
	pids []int      // of every agent that was started
}

func (b *bench) run() error {
	var err error
	if b.binary, err = rig.Build(b.dir, false); err != nil {
		return err
	}
	o, err := b.binary.Run(nil, "keygen")
	if err == nil {
		err = o.OK()
	}
	if err != nil {
		return fmt.Errorf("making a gossip key: %w", err)
	}
	b.key = trim(o.Stdout)
	fmt.Println(measure.Machine("bench-gossip", b.dir))
	fmt.Println()
	fmt.Println("| what | figure |")
	fmt.Println("|---|---|")
	if b.wants("small") {
		if err := b.withCluster(b.small, func(c *cluster) error { return c.singles(b.updates) }); err != nil {
			return err
		}
	}
	if b.wants("large") || b.wants("burst") {
		if err := b.withCluster(b.large, b.largeParts); err != nil {
			return err
		}
	}
	if b.wants("serf") {
		if err := b.serfPeers(); err != nil {
			return err
		}
	}
	if b.wants("lostdisk") {
		if err := b.withCluster(b.owners, b.lostDisk); err != nil {
			return err
		}
	}
	if b.wants("newcomer") {
		return b.withCluster(b.owners, b.newcomer)
	}
	return nil
}

func (b *bench) largeParts(c *cluster) error {
	if b.wants("large") {
		if err := c.singles(max(1, b.updates*3/10)); err != nil {
			return err
		}
	}
	if !b.wants("burst") {
		return nil
	}
	if err := b.burstOn(c, 1, 0); err != nil {
		return err
	}
	return b.burstOn(c, b.spread, 1)
}

// started notes a process, so that it is ended whatever happens to the run.
func (b *bench) started(pid int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pids = append(b.pids, pid)
}

func (b *bench) ended(pid int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, p := range b.pids {
		if p == pid {
			b.pids[i] = b.pids[len(b.pids)-1]
			b.pids = b.pids[:len(b.pids)-1]
			return
		}
	}
}

func (b *bench) killAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, pid := range b.pids {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill()
		}
	}
	b.pids = nil
}
