// Package gossip connects one agent to the others: who is there, and what each of
// them has registered.
//
// Membership is serf's: SWIM failure detection, graceful leave, reconnect, rejoin
// after a restart. The catalogue does not ride on serf's events, which are too small
// and too slow for it, but on package replica's protocol. Both share one port, one
// keyring and one label: transport.go tells them apart by a magic first byte, and
// seal.go closes replication frames under serf's keys.
//
// The package guarantees that changes reach Config.Apply in an order that never goes
// back for any owner, from one goroutine; that a slow disk, peer or subscriber costs
// dropped frames (which repair makes good) and never blocks serf; and that what is
// received is validated before it is applied or passed on. It knows nothing of what
// the entries mean.
package gossip
