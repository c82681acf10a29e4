package recursor

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"covey/internal/fault"
)

// Strategy says which server is asked first. The others follow when it fails.
type Strategy uint8

const (
	Sequential Strategy = iota // in the order given: the others are for when the first fails
	Random                     // in an order drawn for each question, which spreads the load
	Fastest                    // the one that answered soonest lately
)

var strategyNames = [...]string{"sequential", "random", "fastest"}

func (s Strategy) String() string { return strategyNames[s] }

// ParseStrategy reads a strategy as String writes it, in any case.
func ParseStrategy(text string) (Strategy, error) {
	for i, name := range strategyNames {
		if strings.EqualFold(text, name) {
			return Strategy(i), nil
		}
	}
	return 0, fmt.Errorf("%q is none of %s", text, strings.Join(strategyNames[:], ", "))
}

// DefaultTimeout is that of Config.
const DefaultTimeout = 2 * time.Second

// Bounds of the configuration.
const (
	MaxServers = 16
	MinTimeout = 10 * time.Millisecond
	MaxTimeout = 30 * time.Second
)

// Config says who is asked, and how.
type Config struct {
	// Servers are asked one after the other until one answers: 1 to 16.
	Servers []netip.AddrPort

	// Strategy says who is first. Default: Sequential.
	Strategy Strategy

	// Timeout is how long each server may take, TCP included where the answer is long:
	// 10 ms to 30 s. A client waits this long for each server that is down; most give up
	// after 5 s. Default: 2 s.
	Timeout time.Duration

	// Ours tells the names that no server has a say about. Default: none.
	Ours func(name string) bool

	// Logger is for servers that stop answering and come back; nil discards.
	Logger *slog.Logger
}

func (c *Config) setDefaults() {
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Ours == nil {
		c.Ours = func(string) bool { return false }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// validate finds every fault at once, by the keys a user would write.
func (c *Config) validate() error {
	var faults fault.List
	if len(c.Servers) == 0 || len(c.Servers) > MaxServers {
		faults.Field("recursors", "%d are given, want 1 to %d", len(c.Servers), MaxServers)
	}
	seen := map[netip.AddrPort]bool{}
	for _, s := range c.Servers {
		if err := CheckServer(s); err != nil {
			faults.Field("recursors", "%w", err)
		} else if seen[s] {
			faults.Field("recursors", "%s is given twice", s)
		}
		seen[s] = true
	}
	if int(c.Strategy) >= len(strategyNames) {
		faults.Field("recursor_strategy", "there is no strategy %d", c.Strategy)
	}
	if c.Timeout < MinTimeout || c.Timeout > MaxTimeout {
		faults.Field("recursor_timeout", "%v is not in %v..%v", c.Timeout, MinTimeout, MaxTimeout)
	}
	return faults.Err()
}

// CheckServer returns an error if no server can have that address.
func CheckServer(s netip.AddrPort) error {
	switch {
	case !s.IsValid() || s.Port() == 0 || s.Addr().IsUnspecified() || s.Addr().IsMulticast():
		return fmt.Errorf("%s is not the address of a name server", s)
	}
	return nil
}
