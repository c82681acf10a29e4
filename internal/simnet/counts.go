package simnet

import (
	"fmt"
	"reflect"
	"strings"
)

// Counts are what happened on a network so far. Packets are also counted as
// Delivered, Bytes are those of packets delivered and of streams read.
type Counts struct {
	Packets, Delivered, Bytes uint64

	Lost       uint64 // packets
	Duplicated uint64
	Overtaken  uint64 // packets that arrived after one that was sent later
	Cut        uint64 // packets that met a cut link or an unplugged host
	Overflowed uint64 // packets that found their socket's buffer full
	Unheard    uint64 // packets to where nobody listens
	Held       uint64 // packets that a frozen host sent or was sent meanwhile

	Dials       uint64
	Refused     uint64 // nobody listens, or too many wait there already
	DialsFailed uint64 // by Link.DialFail
	DialsCut    uint64 // attempts to open a stream that met a cut link
	Resets      uint64
	Stuck       uint64 // streams, by Link.Stick
	Resent      uint64 // losses that delayed a stream
	Full        uint64 // writes that waited for the reader
}

// String names those that are not 0.
func (c Counts) String() string {
	var parts []string
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		if n := v.Field(i).Uint(); n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", strings.ToLower(v.Type().Field(i).Name), n))
		}
	}
	return strings.Join(parts, ", ")
}

// Of returns the count of that name, as String writes it; 0 if there is none.
func (c Counts) Of(name string) uint64 {
	v := reflect.ValueOf(c).FieldByNameFunc(func(field string) bool { return strings.ToLower(field) == name })
	if !v.IsValid() {
		return 0
	}
	return v.Uint()
}
