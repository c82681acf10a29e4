// Package lb decides which instances of a service are answered and in which order.
//
// Its functions are pure: they read one catalog.View and a random source that the
// caller gives, so DNS, the HTTP API and the command all make the same choice.
//
// It guarantees that a critical instance, and one on a host that is not alive, is
// never chosen, and that the order of a shuffle follows the weights exactly: each
// position is drawn from those that remain, in proportion to their weights.
//
// It keeps no state between calls, does no I/O and reads no clock.
package lb
