package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// layout is a command line sorted out. urfave/cli stops looking for flags at the
// first operand and wants global ones before the command, which is not how people
// write; so flags are told from operands here, wherever they stand.
type layout struct {
	name     string       // of the command, "" if there is none
	command  *cli.Command // nil if there is none of that name
	global   []string     // flags of the app, with their values
	local    []string     // flags of the command, with their values
	named    []string     // the same without values, as written
	operands []string
	help     bool
	version  bool
	literal  bool     // "--" has been: what follows are operands
	unknown  string   // the first flag that nobody has, as written
	wanting  cli.Flag // the last flag, if its value is still to come
}

// lay sorts out args, which do not begin with the program's name.
func lay(app *cli.App, args []string) layout {
	var l layout
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case l.command != nil && l.command.SkipFlagParsing:
			l.operands = append(l.operands, arg)
		case !l.literal && arg == "--":
			l.literal = true
		case l.literal || len(arg) < 2 || arg[0] != '-':
			l.word(app, arg)
		default:
			if l.flag(app, args[i:]) {
				i++
			}
		}
	}
	return l
}

func (l *layout) word(app *cli.App, arg string) {
	if l.name == "" {
		l.name, l.command = arg, app.Command(arg)
		return
	}
	l.operands = append(l.operands, arg)
}

// flag takes args[0] and reports whether args[1] is its value.
func (l *layout) flag(app *cli.App, args []string) bool {
	name, _, joined := strings.Cut(strings.TrimLeft(args[0], "-"), "=")
	switch name {
	case "help", "h":
		l.help = true
		return false
	case "version":
		l.version = true
		return false
	}
	to, f := &l.global, find(app.Flags, name)
	if f == nil {
		to, f = &l.local, l.localFlag(app, name)
	}
	if f == nil {
		if l.unknown == "" {
			l.unknown = args[0]
		}
		return false
	}
	*to = append(*to, args[0])
	if to == &l.local {
		l.named = append(l.named, args[0])
	}
	if joined || !takesValue(f) {
		return false
	}
	if len(args) == 1 {
		l.wanting = f
		return false
	}
	*to = append(*to, args[1])
	return true
}

// localFlag finds a flag of the command; before the command is named, one of any.
func (l *layout) localFlag(app *cli.App, name string) cli.Flag {
	if l.command != nil {
		return find(l.command.Flags, name)
	}
	for _, command := range app.Commands {
		if f := find(command.Flags, name); f != nil {
			return f
		}
	}
	return nil
}

func find(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		for _, n := range f.Names() {
			if n == name {
				return f
			}
		}
	}
	return nil
}

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

// arrange returns args as urfave/cli wants them: program, global flags, command, its
// flags, "--", operands. What is wrong with them is told as people wrote them.
func arrange(app *cli.App, args []string) ([]string, error) {
	l := lay(app, args[1:])
	out := append([]string{args[0]}, l.global...)
	switch {
	case l.name != "" && l.command == nil:
		return nil, usagef("there is no command %q; %s", l.name, suggestCommand(app, l.name))
	case l.help && l.command != nil:
		return append(out, "help", l.name), nil
	case l.help:
		return append(out, "help"), nil
	case l.version && l.command == nil:
		return append(append(out, "version"), l.local...), nil
	case l.version:
		l.unknown = "--version"
	}
	switch {
	case l.unknown != "":
		return nil, l.unknownFlag(app)
	case l.wanting != nil:
		return nil, usagef("--%s wants a value; see `covey help %s`", l.wanting.Names()[0], l.name)
	case l.command == nil && len(l.local) > 0:
		return nil, usagef("%s belongs to a command, and none is given; see `covey help`", l.named[0])
	case l.command == nil:
		return out, nil
	case l.command.SkipFlagParsing:
		return append(append(out, l.name), l.operands...), nil
	}
	// A flag before the command's name may be one that another command has.
	for _, arg := range l.named {
		if name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "="); find(l.command.Flags, name) == nil {
			l.unknown = arg
			return nil, l.unknownFlag(app)
		}
	}
	out = append(append(out, l.name), l.local...)
	return append(append(out, "--"), l.operands...), nil
}

func (l *layout) unknownFlag(app *cli.App) error {
	flag, _, _ := strings.Cut(l.unknown, "=")
	name := strings.TrimLeft(flag, "-")
	if l.command == nil {
		return usagef("covey has no flag %s; %s", flag, suggestFlag(app.Flags, name, ""))
	}
	return usagef("`covey %s` has no flag %s; %s", l.name, flag, suggestFlag(l.command.Flags, name, l.name))
}
