package main

import (
	_ "embed"

	"github.com/urfave/cli/v2"
)

// The scripts only pass words on: what completes them is `covey __complete`, so that
// there is one answer for all shells.
var (
	//go:embed completion/covey.bash
	bashScript string
	//go:embed completion/covey.zsh
	zshScript string
	//go:embed completion/covey.fish
	fishScript string
)

func completionCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:        "completion",
		Category:    groupOther,
		Usage:       "print the script that completes this command in a shell",
		ArgsUsage:   "bash|zsh|fish",
		Description: completionDescription,
		Action: func(c *cli.Context) error {
			if err := operands(c, 1, 1); err != nil {
				return err
			}
			scripts := map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}
			script, ok := scripts[c.Args().First()]
			if !ok {
				return usagef("no completion for %q: want bash, zsh or fish", c.Args().First())
			}
			sys.printf("%s", script)
			return nil
		},
	}
}
