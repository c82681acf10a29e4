package agent

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

func isIPv6(ip string) bool {
	addr, err := netip.ParseAddr(ip)
	return err == nil && addr.Is6()
}

// join joins the agents that the configuration names, and then waits for the end. It
// fails if none of start_join can be reached, or none of retry_join after retry_max
// attempts.
func (a *Agent) join(running context.Context) error {
	if addrs := a.cfg.StartJoin; len(addrs) > 0 {
		if _, err := a.gossip.Join(addrs...); err != nil {
			return fmt.Errorf("at start (to go on trying instead, use --retry-join): %w", err)
		}
	}
	if addrs := a.cfg.RetryJoin; len(addrs) > 0 {
		if err := a.retryJoin(running, addrs); err != nil {
			return err
		}
	}
	<-running.Done()
	return nil
}

func (a *Agent) retryJoin(running context.Context, addrs []string) error {
	timer := time.NewTimer(a.cfg.RetryInterval)
	defer timer.Stop()
	for attempt := 1; ; attempt++ {
		n, err := a.gossip.Join(addrs...)
		if err == nil {
			a.log.Info("joined", "agents", n, "attempt", attempt)
			return nil
		}
		if a.cfg.RetryMax > 0 && attempt >= a.cfg.RetryMax {
			return fmt.Errorf("after %d attempts: %w", attempt, err)
		}
		a.log.Warn("not joined yet", "attempt", attempt, "next_in", a.cfg.RetryInterval, "error", err)
		timer.Reset(a.cfg.RetryInterval)
		select {
		case <-timer.C:
		case <-running.Done():
			return nil
		}
	}
}
