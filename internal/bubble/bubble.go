// Package bubble runs tests in virtual time, as testing/synctest does, without what makes
// the race detector crash there.
//
// The timers of a synctest bubble share one context of the race detector, which is made for
// one thread at a time. Two goroutines that look at timers at once break it, and the process
// ends in the detector's own code: "ThreadSanitizer: CHECK failed", or a segmentation fault
// (https://go.dev/issue/78156). On one processor it cannot happen, and what is found there
// hardly differs: races are told by the order that locks and channels give, not by luck.
package bubble

import (
	"runtime"
	"testing"
	"testing/synctest"
)

// Test runs f in a bubble. Under the race detector the process has one processor while it
// does, so tests that are to run in parallel must not be in a bubble then.
func Test(t *testing.T, f func(*testing.T)) {
	t.Helper()
	if Raced {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	}
	synctest.Test(t, f)
}

// Wait is synctest.Wait.
func Wait() { synctest.Wait() }
