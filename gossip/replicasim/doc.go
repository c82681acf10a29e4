// Package replicasim is a discrete-event simulation of many replication cores: ten
// thousand in a few seconds, more with patience.
//
// It runs the very core that agents run (gossip/replica), without sockets or
// goroutines, in virtual time. Everything follows from one seed, so a run can be
// repeated exactly. There are two ways to use it:
//
//   - Update measures how one change spreads among nodes that all see the same members,
//     but for an overlay of each one's own, and so share the rings; that is what lets so
//     many fit into memory.
//   - A Trial is a random history of a few nodes, each with its own view of the members,
//     in which everything goes wrong that can, while a Checker holds every core to what
//     replication promises after each thing that happens to it.
//
// It knows links (latency, loss, duplication, reordering, cuts in one direction or both)
// and nodes (stalled, dead though others do not know it yet, started again with what is
// left of a disk, with a clock that was set), and counts each fault that really happened.
// It simulates neither failure detection, whose errors a trial makes up, nor sockets.
package replicasim
