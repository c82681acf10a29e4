// Package agent is one running agent: it brings the rooms together, starts and stops
// them in order, and keeps what is registered on this host.
//
// It guarantees that a registration which was answered with success is on disk first,
// and then in the catalogue; that a restart answers from what was known before, at
// once, with the checks in the state they were in; and that whatever ends, ends
// everything else in order.
//
// What is registered here is changed by one goroutine (committer.go), which takes all
// requests that wait, writes them with one sync, and then publishes them. How records
// travel, are checked and are answered is the business of gossip, health, dnsserver
// and httpapi, which do not know one another; this package introduces them.
package agent
