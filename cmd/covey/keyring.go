package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"covey/internal/apiclient"
)

const keyringDescription = `The gossip key is changed while all agents run in three steps: install the new key, use
it, remove the old one. Each is carried out on all agents that are up before the command
ends; if it fails on some, do it again before the next step.

    list          the keys, and how many agents have each and seal with it
    install KEY   accept gossip sealed with KEY, from covey keygen
    use KEY       seal with KEY from now on
    remove KEY    accept KEY no more

Instead of KEY, - reads it from the standard input, where nobody else sees it. Who asks
must show a key that the agents have: --encrypt or COVEY_ENCRYPT. Agents with a data
directory keep what was changed; configure the new key all the same, for those that were
down meanwhile, and for new ones.`

func keyringCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:        "keyring",
		Category:    groupCluster,
		Usage:       "change the gossip key while all agents run",
		ArgsUsage:   "list | install KEY | use KEY | remove KEY",
		Description: keyringDescription,
		Flags: clientFlags(30*time.Second,
			&cli.StringFlag{Name: "encrypt", EnvVars: []string{"COVEY_ENCRYPT"}, Usage: "`KEY` that the agents have now"},
		),
		Action: client(sys, 1, 2, func(ctx context.Context, c *call) error {
			shown := c.flags.String("encrypt")
			if shown == "" {
				return usagef("`covey keyring` wants a key that the agents have: --encrypt or COVEY_ENCRYPT")
			}
			what := c.flags.Args().First()
			if what == "list" {
				return c.listKeys(ctx, shown)
			}
			return c.changeKey(ctx, shown, what, c.flags.Args().Get(1))
		}),
	}
}

func (c *call) listKeys(ctx context.Context, shown string) error {
	if c.flags.NArg() > 1 {
		return usagef("`covey keyring list` takes nothing more")
	}
	k, err := c.Keyring(ctx, shown)
	if err != nil {
		return c.failed(err, "list the gossip keys")
	}
	if c.json {
		return c.printJSON(k)
	}
	c.write(tableOfKeys(k))
	return nil
}

func tableOfKeys(k apiclient.Keyring) *table {
	t := &table{header: []string{"KEY", "AGENTS", "SEAL WITH IT"}}
	of := func(n int) cell { return text(fmt.Sprintf("%d of %d", n, k.NumNodes)) }
	for _, key := range slices.SortedFunc(maps.Keys(k.Keys), func(a, b string) int {
		return cmp.Or(k.PrimaryKeys[b]-k.PrimaryKeys[a], cmp.Compare(a, b))
	}) {
		t.add(text(key), of(k.Keys[key]), of(k.PrimaryKeys[key]))
	}
	return t
}

// keyDone says what is true of all agents after a change.
var keyDone = map[string]string{
	"install": "All agents accept the key.",
	"use":     "All agents seal with the key.",
	"remove":  "No agent accepts the key any more.",
}

func (c *call) changeKey(ctx context.Context, shown, what, key string) error {
	switch {
	case keyDone[what] == "":
		return usagef("`covey keyring` does list, install, use or remove, not %q", what)
	case key == "":
		return usagef("`covey keyring %s` wants a key, or - to read it from the standard input", what)
	case key == "-":
		line, err := bufio.NewReader(c.in).ReadString('\n')
		if key = strings.TrimSpace(line); key == "" {
			return usagef("no key on the standard input: %v", err)
		}
	}
	if err := c.ChangeKey(ctx, shown, what, key); err != nil {
		return c.failed(err, "%s the key on all agents", what)
	}
	if c.json {
		return c.printJSON(struct{ Done string }{what})
	}
	c.printf("%s\n", keyDone[what])
	return nil
}
