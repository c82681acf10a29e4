// Package houserules holds the rules of this source tree that no compiler checks: who
// may import whom, where the clock may be read, what a package must say of itself.
// They are tests, so that `go test ./...` enforces them.
//
// It reads sources only, all of the module's files whatever system they are for, and
// is imported by nothing.
package houserules
