package main

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/urfave/cli/v2"
)

// Set by the linker (-X main.version=v1.2.3, and so on); what is empty is taken from
// what the Go command wrote into the binary.
var version, commit, date string

// build says what this binary was made of.
type build struct {
	Version  string
	Commit   string // "" if unknown; ends in "-dirty" if there were changes on it
	Date     string // of the commit, RFC 3339; "" if unknown
	Go       string
	Platform string
}

func (s *system) describeBuild() build {
	b := build{version, commit, date, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := s.build()
	if !ok {
		return b
	}
	if b.Version == "" {
		b.Version = strings.Trim(info.Main.Version, "()")
	}
	settings := map[string]string{}
	for _, pair := range info.Settings {
		settings[pair.Key] = pair.Value
	}
	if b.Commit == "" {
		b.Commit = settings["vcs.revision"]
		if b.Commit != "" && settings["vcs.modified"] == "true" {
			b.Commit += "-dirty"
		}
	}
	if b.Date == "" {
		b.Date = settings["vcs.time"]
	}
	return b
}

// name is the version alone: "v1.2.3", or "devel".
func (b *build) name() string {
	if b.Version == "" {
		return "devel"
	}
	return b.Version
}

func versionCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:     "version",
		Category: groupOther,
		Usage:    "print the version, the commit it was built from and its date",
		Flags:    []cli.Flag{jsonFlag()},
		Action: func(flags *cli.Context) error {
			if err := operands(flags, 0, 0); err != nil {
				return err
			}
			b := sys.describeBuild()
			b.Version = b.name()
			if flags.Bool("json") {
				return sys.printJSON(b)
			}
			var from []string
			if b.Commit != "" {
				from = append(from, "commit "+b.Commit)
			}
			if b.Date != "" {
				from = append(from, b.Date)
			}
			from = append(from, b.Go, b.Platform)
			sys.printf("%s\n", fmt.Sprintf("covey %s (%s)", b.Version, strings.Join(from, ", ")))
			return nil
		},
	}
}
