// Package health carries out the checks of what runs on this host: it asks services over
// the network and runs programs on a schedule, waits for the updates of those that report
// themselves (TTL), watches connections and processes whose end the kernel tells and
// services whose change the catalogue tells, and reports what changed.
//
// It guarantees:
//
//   - A check begins with the status it is given and is reported when a run, an update
//     or an expiry changes its status or output, never otherwise.
//   - The reports of one check come one at a time, in order, and the last one says how
//     the check stands. Whoever is slow to take them misses some in between.
//   - What a service does, however badly, costs the agent one run out of a bounded
//     number, for the check's timeout at most, and a bounded amount of memory.
//   - The agent's own trouble is not held against a service: a run spoilt because this
//     process stood still or is out of file descriptors says nothing, and time in which
//     the process stood still does not count towards a TTL.
//   - Output is UTF-8 without control characters, of catalog.MaxOutput bytes at most.
//
// It keeps nothing on disk, knows nothing of services and how their checks add up, and
// deregisters nothing.
package health
