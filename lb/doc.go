// Package lb decides which instances of a service are answered, at which level, with which
// weight, and in which order.
//
// The weight is the product of factors, each in a file of its own with its formula and
// source: the registered weight of the status, slow start, load, place; then the maximum
// share. The policy and its settings are those of catalog.Balancing. Whatever asks (DNS,
// the HTTP API, the command) asks one Balancer, so all make the same choice.
//
// It guarantees that a critical instance, and one on a host that is not alive, is never
// chosen, unless the service asks for panic or its host is cut off (LastKnown); and that an
// order follows the weights exactly: each position is drawn from those that remain, in
// proportion to their weights. (Of one answer, that is; see Rolling for several.)
//
// It does no I/O, starts no goroutine and reads no clock. Functions are pure. What an agent
// saw of the instances, whose turn it is and who was ejected is in its Balancer, which is
// given the time with each call.
package lb
