// Package replica is the replication protocol of the catalogue as a state machine.
//
// It has no socket, clock, goroutine or randomness: the caller feeds it local
// changes, frames, membership changes and ticks, and carries out the Effects that
// Flush returns. The same core therefore runs in an agent, in virtual time and in a
// simulation of ten thousand. It knows nothing of services: entries are keys with
// opaque payloads, checked by the caller's Validate before they are applied or
// forwarded.
//
// # The model
//
// Every node owns one log: its entries, each with the version that last changed it.
// Versions count from 1 without gaps within an epoch; an epoch begins when the
// owner's agent starts. Being at (epoch, version) means to have every entry that was
// changed up to version and not since, so states are only ever older or newer, never in
// conflict, and taking the newer one is commutative, associative and idempotent. (Half
// way through a state that comes in chunks, an entry that was changed again beyond the
// chunk still has its earlier value; the next chunk brings it.)
//
// # What it guarantees
//
//   - An owner's state never goes back at a replica, except that it is forgotten
//     when the owner left.
//   - A new epoch replaces the old state whole, in one Change, however many chunks
//     it came in.
//   - Deleted entries do not come back: a tombstone is kept until the owner has
//     collected it (gc), and who has not seen it by then gets the whole state anew.
//   - An owner that left does not come back with what it had.
//   - Memory is bounded by what is replicated: queues hold owners, not messages.
//
// # How it spreads
//
// A change goes at once to the successors on a few hash rings (all members when they
// are few), and each receiver passes on what is new to it. What that misses is found
// by comparing digests with a successor once a second, and pulled. See frame.proto.
//
// A Core is not safe for concurrent use.
package replica
