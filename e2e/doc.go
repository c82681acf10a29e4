// Package e2e tests the built covey command from outside: agents as processes on
// loopback, asked over HTTP, DNS and the command line, killed and started again.
//
// The tests hold the promises of the README: what is registered on one agent is
// answered on every other, what was acknowledged survives kill -9, what is critical or
// gone is not answered, and what is wrong is refused with a reason. Programs that people
// use to ask DNS, and proxies that follow it, are tried where they are installed; a test
// that misses one is skipped and says which package brings it. They take a minute or two
// and are left out with -short. `go test -race` builds the command with the race detector,
// too, and a race in an agent fails the test that ran it.
package e2e
