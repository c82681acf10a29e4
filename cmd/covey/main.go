// Command covey runs an agent and talks to one: flags in, text or JSON out.
//
// What it decides is how things are said: names and order of flags, tables, exit
// codes. What things mean is decided by the agent, in this process for `covey agent`
// and over HTTP for every other command.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args, hostSystem()))
}
