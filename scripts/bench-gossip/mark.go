package main

import (
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// mark is something that a DNS answer is to show: one address, under one name.
type mark struct {
	query   []byte // a packet; its first two bytes are the observer's
	address [4]byte
	since   time.Time // when it was acknowledged, and looked for

	// What follows is the observer's until done is closed.
	seen []time.Time     // by agent; zero until it is
	late []time.Duration // by agent: how long before seen it was last known not to be there
	left int             // agents that have not shown it
	done chan struct{}
}

func newMark(query []byte, address [4]byte, agents int) *mark {
	return &mark{
		query: query, address: address,
		seen: make([]time.Time, agents), late: make([]time.Duration, agents),
		left: agents, done: make(chan struct{}),
	}
}

// question prepares the packet that asks for the addresses of name.
func question(name string) []byte {
	packet, err := new(dns.Msg).SetQuestion(name, dns.TypeA).Pack()
	if err != nil {
		panic(fmt.Sprintf("bench-gossip: %q: %v", name, err)) // of letters and digits: cannot be
	}
	return packet
}

// shownBy reports whether an answer is the mark's. The question asks for one name that
// has one instance, so the only record is an address, and its bytes are the last.
func (m *mark) shownBy(answer []byte) bool {
	n := len(answer)
	return n > 16 && answer[6]|answer[7] != 0 && [4]byte(answer[n-4:]) == m.address
}

// everywhere is when the last agent showed it.
func (m *mark) everywhere() time.Time {
	var last time.Time
	for _, at := range m.seen {
		if at.After(last) {
			last = at
		}
	}
	return last
}

// numbered is an address that stands for a number below 2^24.
func numbered(n int) [4]byte { return [4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)} }
