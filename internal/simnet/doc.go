// Package simnet is a network in memory with the faults of real ones, for tests in the
// virtual time of testing/synctest.
//
// Hosts have packet sockets and streams. Between each two of them packets take a time
// drawn from a distribution, are lost, doubled and overtaken; streams are slow where
// packets are lost, fail to open, stick and break. A link can be cut in one direction
// or both, a host frozen or unplugged. All buffers are bounded: what does not fit a
// socket is dropped, and a stream's writer waits. Every fault is counted when it
// happens, so that a test can show that it met what it was made for.
//
// The fate of what crosses a link comes from that link's own generator, seeded by the
// network's seed and the two addresses. A run is still not exactly repeatable: in what
// order goroutines run at one virtual moment is the scheduler's choice.
//
// The package starts no goroutine. Everything blocks on channels made where it is
// called and on timers, so inside a bubble all waiting is durable, and nothing is left
// once the sockets are closed. It cannot show what a kernel does beyond that: no MTU,
// no bandwidth, no congestion.
package simnet
