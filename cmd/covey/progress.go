package main

import (
	"fmt"
	"time"
)

// progressAfter is how long something may take without a word.
const progressAfter = time.Second

// progress says on a terminal what is being waited for, with the seconds so far, once
// a second has passed. The caller must call stop; it wipes the line.
func (s *system) progress(format string, args ...any) (stop func()) {
	if !s.live {
		return func() {}
	}
	what, began := printable(fmt.Sprintf(format, args...)), time.Now()
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(progressAfter)
		defer tick.Stop()
		for drawn := false; ; drawn = true {
			select {
			case <-tick.C:
				fmt.Fprintf(s.err, "\r%s … %s", what, time.Since(began).Round(time.Second))
			case <-quit:
				if drawn {
					fmt.Fprint(s.err, "\r\x1b[K")
				}
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-done
	}
}
