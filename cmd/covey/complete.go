package main

import (
	"cmp"
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"covey/internal/apiclient"
)

// completeTime bounds what the agent is asked while somebody waits for a Tab.
const completeTime = 500 * time.Millisecond

// What the shell is to complete by itself.
const (
	completeFiles       = ":files"
	completeDirectories = ":directories"
)

// candidate is a word that may stand next; about is for shells that show it.
type candidate struct{ word, about string }

// completeCommand is what the completion scripts call with the words so far, of which
// the last is being typed. It prints a candidate a line, a tab before what it is about.
func completeCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:            "__complete",
		Usage:           "complete a command line, for the completion scripts",
		Hidden:          true,
		SkipFlagParsing: true,
		Action: func(c *cli.Context) error {
			words := c.Args().Slice()
			if len(words) == 0 {
				words = []string{""}
			}
			last := len(words) - 1
			for _, found := range complete(c.Context, c.App, words[:last], words[last]) {
				sys.printf("%s\t%s\n", printable(found.word), printable(found.about))
			}
			return nil
		},
	}
}

// complete returns what typed, which stands after words, may become.
func complete(ctx context.Context, app *cli.App, words []string, typed string) []candidate {
	l := lay(app, words)
	flag, value, joined := strings.Cut(typed, "=")
	var found []candidate
	switch {
	case l.wanting != nil:
		found = flagValues(l.wanting.Names()[0])
	case strings.HasPrefix(typed, "-") && !l.literal && joined:
		if found = matching(flagValues(strings.TrimLeft(flag, "-")), value); len(found) > 0 && found[0].word[0] != ':' {
			for i := range found {
				found[i].word = flag + "=" + found[i].word
			}
		}
		return found
	case strings.HasPrefix(typed, "-") && !l.literal:
		found = l.flags(app)
	case l.name == "":
		found = commands(app)
	case l.command != nil:
		found = l.arguments(ctx, app)
	}
	return matching(found, typed)
}

// matching are the candidates that typed may become, sorted.
func matching(all []candidate, typed string) []candidate {
	found := slices.DeleteFunc(all, func(c candidate) bool {
		return c.word == "" || c.word[0] != ':' && !strings.HasPrefix(c.word, typed)
	})
	slices.SortFunc(found, func(a, b candidate) int { return cmp.Compare(a.word, b.word) })
	return slices.Compact(found)
}

func commands(app *cli.App) []candidate {
	var found []candidate
	for _, c := range app.Commands {
		if !c.Hidden {
			found = append(found, candidate{c.Name, c.Usage})
		}
	}
	return found
}

// flags are the command's and the app's, without those that stand there already and
// may not be repeated.
func (l *layout) flags(app *cli.App) []candidate {
	found := []candidate{{"--help", "explain the command"}}
	all := slices.Clone(app.Flags)
	if l.command != nil {
		all = append(all, l.command.Flags...)
	}
	for _, f := range all {
		d, name := f.(cli.DocGenerationFlag), "--"+f.Names()[0]
		s, many := f.(cli.DocGenerationSliceFlag)
		if slices.Contains(l.named, name) && !(many && s.IsSliceFlag()) {
			continue
		}
		_, usage := placeholder(d.GetUsage())
		found = append(found, candidate{name, usage})
	}
	return found
}

// flagValues are what a flag's value may be, if that is known.
func flagValues(flag string) []candidate {
	switch flag {
	case "type":
		return plainly(lookupTypes...)
	case "log-level":
		return plainly("debug", "info", "warn", "error")
	case "log-format":
		return plainly("text", "json")
	case "config":
		return plainly(completeFiles)
	case "data-dir":
		return plainly(completeDirectories)
	}
	return nil
}

func plainly(words ...string) []candidate {
	found := make([]candidate, len(words))
	for i, w := range words {
		found[i].word = w
	}
	return found
}

// arguments are what may stand as the command's next operand. Names are the agent's;
// if it does not answer there are none.
func (l *layout) arguments(ctx context.Context, app *cli.App) []candidate {
	first := len(l.operands) == 0
	switch {
	case l.name == "help" && first:
		return commands(app)
	case l.name == "completion" && first:
		return plainly("bash", "zsh", "fish")
	case l.name == "keyring" && first:
		return plainly("list", "install", "use", "remove")
	case l.name == "check" && first:
		return plainly("run")
	case l.name == "register" && first:
		return plainly(completeFiles)
	case l.name == "check" && len(l.operands) == 1, l.name == "timeline" && first, l.name == "watch", l.name == "lookup" && first, l.name == "deregister", l.name == "force-leave" && first:
		return l.names(ctx)
	}
	return nil
}

func (l *layout) names(ctx context.Context) []candidate {
	agent, err := dial(nil, l.httpAddr())
	if err != nil {
		return nil
	}
	defer agent.Close()
	ctx, cancel := context.WithTimeout(ctx, completeTime)
	defer cancel()
	switch l.name {
	case "check":
		checks, _ := agent.Checks(ctx)
		var found []candidate
		for _, k := range checks {
			if k.Type != "ttl" {
				found = append(found, candidate{k.ID, k.Status + " " + k.Target})
			}
		}
		return found
	case "lookup", "timeline", "watch":
		services, _ := agent.ServiceTags(ctx)
		return plainly(slices.Collect(maps.Keys(services))...)
	case "deregister":
		return localServices(ctx, agent, l.operands)
	default:
		members, _ := agent.Members(ctx)
		var found []candidate
		for _, m := range members {
			if m.Status == "failed" {
				found = append(found, candidate{m.Name, "failed, " + m.Addr})
			}
		}
		return found
	}
}

func localServices(ctx context.Context, agent *apiclient.Client, named []string) []candidate {
	services, _ := agent.LocalServices(ctx)
	var found []candidate
	for id, s := range services {
		if !slices.Contains(named, id) {
			found = append(found, candidate{id, s.Service + " " + hostPort(s.Address, s.Port)})
		}
	}
	return found
}

// httpAddr is the agent's address as the words state it, or the environment.
func (l *layout) httpAddr() string {
	for i, arg := range l.local {
		name, value, joined := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		switch {
		case arg[0] != '-' || name != "http-addr":
		case joined:
			return value
		case i+1 < len(l.local):
			return l.local[i+1]
		}
	}
	return os.Getenv("COVEY_HTTP_ADDR")
}
