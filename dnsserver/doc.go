// Package dnsserver answers DNS questions about the catalogue, over UDP and TCP on
// one address. The answer is the load balancing: what is healthy, in an order drawn
// by weight.
//
// A question passes through four steps, each of which can be tried without the next:
// Respond reads and writes packets, Answer turns a message into a message, resolve
// finds the records in one catalog.View, and fit cuts them to what the client can
// take. Server adds the sockets. On Linux a fast path goes before all of them, for the
// questions that are most of the load; it answers from what resolve found earlier, and
// leaves to Respond what it does not know.
//
// It guarantees:
//
//   - One question is answered from one View, without a lock and without waiting for
//     anyone but a recursor. Names of addresses are looked up in an index of their own,
//     which is brought up to date under a lock by the questions that need it.
//   - A critical instance, or one on a host that is not alive, is in no answer about
//     a service. There is one exception: an agent that is cut off from all others answers
//     for a service that has nobody left by who was last known.
//   - No reply over UDP is longer than the client can take; what was cut from the
//     answer section is said by TC, and is whole over TCP up to 64 KiB.
//   - No packet makes it panic, block or log without bound.
//
// It does not cache or transfer zones, and knows no DNSSEC. Names outside its domains are
// REFUSED, so that a resolver which sends it everything asks another server next, unless
// recursors are configured: package recursor asks these, apart from all else. Respond may
// wait for them then; RespondAtOnce never does.
//
// # A service that has nobody to answer
//
// The zone holds records of the instances that may be answered, and of nothing else.
// So a name without any such instance owns no records and has none beneath it: it
// does not exist, and the answer is NXDOMAIN, as for a name that was never
// registered. NODATA is for names that do exist and lack the type asked for (an IPv4
// service asked for AAAA), and for those that only lead to others (service.local).
// Consul and the DNS specification of Kubernetes say NXDOMAIN too, so that every
// client written for either is used to it: HAProxy holds its servers for "hold nx",
// nginx empties the upstream, Go and glibc report that there is no such host. What
// makes NXDOMAIN dangerous elsewhere is that caches keep it; here the SOA has TTL and
// MINIMUM 0, so that RFC 2308 forbids to keep either answer, and the next question
// finds the instance that recovered. Whether nobody is healthy or nobody is there is
// told by Lookup.
package dnsserver
