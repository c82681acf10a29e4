package main

import (
	"strings"
	"testing"
	"time"

	"covey/internal/bubble"
)

func TestProgressIsSilentForTheFirstSecond(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := newSession()
		s.sys.live = true
		stop := s.sys.progress("joining %s", "10.0.0.1")
		time.Sleep(progressAfter - time.Millisecond)
		stop()
		if s.err.Len() != 0 {
			t.Errorf("drew %q", s.err.String())
		}
	})
}

func TestProgressCountsAndWipesItsLine(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := newSession()
		s.sys.live = true
		stop := s.sys.progress("joining %s", "10.0.0.1")
		time.Sleep(2*progressAfter + time.Millisecond)
		stop()
		want := "\rjoining 10.0.0.1 … 1s\rjoining 10.0.0.1 … 2s\r\x1b[K"
		if got := s.err.String(); got != want {
			t.Errorf("drew %q, want %q", got, want)
		}
	})
}

func TestProgressIsForTerminalsOnly(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := newSession()
		stop := s.sys.progress("joining")
		time.Sleep(time.Minute)
		stop()
		if strings.TrimSpace(s.err.String()) != "" {
			t.Errorf("drew %q", s.err.String())
		}
	})
}
