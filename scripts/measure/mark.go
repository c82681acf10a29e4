package measure

import (
	"bytes"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// Mark is something that the DNS answers of all agents are to show: an address under a
// name, or that it is not there any more.
type Mark struct {
	Since time.Time // when it happened, and is looked for from

	query   []byte // a packet; its first two bytes are the observer's
	address [4]byte
	gone    bool

	// What follows is the observer's until it has seen the mark everywhere.

	Seen []time.Time     // by agent; zero until it is
	Late []time.Duration // by agent: how long before Seen it was last known not to be there
	left int             // agents that have not shown it
	done chan struct{}
}

// NewMark is for an address that appears among the answers of so many agents.
func NewMark(query []byte, address [4]byte, agents int) *Mark {
	return &Mark{
		query: query, address: address,
		Seen: make([]time.Time, agents), Late: make([]time.Duration, agents),
		left: agents, done: make(chan struct{}),
	}
}

// NewLoss is for an address that goes, while others stay.
func NewLoss(query []byte, address [4]byte, agents int) *Mark {
	m := NewMark(query, address, agents)
	m.gone = true
	return m
}

// Question prepares the packet that asks for the addresses of name.
func Question(name string) []byte {
	packet, err := new(dns.Msg).SetQuestion(name, dns.TypeA).Pack()
	if err != nil {
		panic(fmt.Sprintf("measure: %q: %v", name, err)) // of letters and digits: cannot be
	}
	return packet
}

// shownBy reports whether an answer is the mark's. All records are addresses, each after
// its length. No answer at all shows nothing: not even that an address is gone.
func (m *Mark) shownBy(answer []byte) bool {
	if len(answer) <= 16 || answer[6]|answer[7] == 0 {
		return false
	}
	record := [6]byte{0, 4, m.address[0], m.address[1], m.address[2], m.address[3]}
	return bytes.Contains(answer[12:], record[:]) != m.gone
}

// Everywhere is when the last agent showed it.
func (m *Mark) Everywhere() time.Time {
	var last time.Time
	for _, at := range m.Seen {
		if at.After(last) {
			last = at
		}
	}
	return last
}

// Numbered is an address that stands for a number below 2^24.
func Numbered(n int) [4]byte { return [4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)} }
