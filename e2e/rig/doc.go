// Package rig runs the real covey command as its users do: several agents as
// processes on loopback, asked over HTTP, DNS and the command line.
//
// Every wait has a deadline and ends as soon as its condition holds. Agents stand on
// loopback addresses of their own, so that rigs side by side do not meet; where a
// system has 127.0.0.1 only, they differ by port. On Linux no agent outlives the
// process that started it, however that ends.
//
// It imports nothing of the product: what it cannot see from outside, a user cannot
// either.
package rig
