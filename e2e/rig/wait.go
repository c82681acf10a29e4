package rig

import (
	"context"
	"fmt"
	"time"
)

// Until asks condition again and again until it returns nil, at most for limit; then
// the error is what condition last said. It returns how long that took.
func Until(limit time.Duration, condition func() error) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	began := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := condition()
		if err == nil {
			return time.Since(began), nil
		}
		select {
		case <-ctx.Done():
			return time.Since(began), fmt.Errorf("not within %v: %w", limit, err)
		case <-tick.C:
		}
	}
}
