// Package replicasim is a discrete-event simulation of many replication cores: ten
// thousand in a few seconds, more with patience.
//
// It runs the very core that agents run (gossip/replica), without sockets or
// goroutines, in virtual time. Everything follows from one seed, so a run can be
// repeated exactly. Nodes that see the same members share the rings, which is what
// lets so many fit into memory; what one sees otherwise is an overlay of its own.
//
// It knows links (latency, loss, duplication, cuts in one direction or both) and nodes
// (stalled, dead though others do not know it yet), counts each fault that really
// happened, and measures when each node learned of a change, and at what cost. It
// simulates neither failure detection nor the catalogue.
package replicasim
