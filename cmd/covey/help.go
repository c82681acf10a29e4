package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// helpWidth is where lines of help end, so that they fit any terminal.
const helpWidth = 88

// The groups of commands, in the order of the help.
const (
	groupAgent    = "THE AGENT"
	groupServices = "SERVICES"
	groupCluster  = "THE CLUSTER"
	groupOther    = "MORE"
)

func helpCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:      "help",
		Category:  groupOther,
		Usage:     "explain a command, its flags and how to use it",
		ArgsUsage: "[COMMAND]",
		Action: func(c *cli.Context) error {
			if err := operands(c, 0, 1); err != nil {
				return err
			}
			name := c.Args().First()
			command := c.App.Command(name)
			switch {
			case name == "":
				showAppHelp(sys, c.App)
			case command == nil:
				return usagef("there is no command %q; %s", name, suggestCommand(c.App, name))
			default:
				showCommandHelp(sys, command)
			}
			return nil
		},
	}
}

func showAppHelp(sys *system, app *cli.App) {
	p := page{color: sys.color}
	p.line("covey - %s", app.Usage)
	p.title("USAGE")
	p.line("  covey COMMAND [ARGUMENTS] [FLAGS]")
	p.title("WHAT IT IS")
	p.block(app.Description)
	for _, group := range []string{groupAgent, groupServices, groupCluster, groupOther} {
		p.title(group)
		var rows [][2]string
		for _, c := range app.Commands {
			if c.Category == group && !c.Hidden {
				rows = append(rows, [2]string{strings.TrimSpace(c.Name + " " + c.ArgsUsage), c.Usage})
			}
		}
		p.rows(rows)
	}
	p.title("FLAGS OF EVERY COMMAND")
	p.rows(append(flagRows(app.Flags), [2]string{"--help", "explain the command"}))
	p.title("EXIT CODES")
	p.block(exitCodesHelp)
	p.title("EXAMPLES")
	p.block(appExamples)
	p.print(sys)
}

func showCommandHelp(sys *system, c *cli.Command) {
	p := page{color: sys.color}
	p.line("covey %s - %s", c.Name, c.Usage)
	p.title("USAGE")
	usage := "  covey " + c.Name
	if c.ArgsUsage != "" {
		usage += " " + c.ArgsUsage
	}
	if len(c.Flags) > 0 {
		usage += " [FLAGS]"
	}
	p.line("%s", usage)
	// An example in a description stands under its own title.
	about, examples, _ := strings.Cut(c.Description, "\nEXAMPLES\n")
	if about != "" {
		p.line("")
		p.block(about)
	}
	if len(c.Flags) > 0 {
		p.title("FLAGS")
		p.rows(flagRows(c.Flags))
	}
	if examples != "" {
		p.title("EXAMPLES")
		p.block(examples)
	}
	p.print(sys)
}

// flagRows describes flags: how they are written, then what they do.
func flagRows(flags []cli.Flag) [][2]string {
	var rows [][2]string
	for _, f := range flags {
		d, ok := f.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		value, usage := placeholder(d.GetUsage())
		name := "--" + d.Names()[0]
		standard := strings.Trim(d.GetDefaultText(), `"`)
		if d.TakesValue() {
			name += " " + value
		} else {
			standard = ""
		}
		if s, ok := f.(cli.DocGenerationSliceFlag); ok && s.IsSliceFlag() {
			name += "..."
		}
		if standard != "" && standard != "0s" {
			usage += " (default: " + standard + ")"
		}
		if env := d.GetEnvVars(); len(env) > 0 {
			usage += " [$" + env[0] + "]"
		}
		rows = append(rows, [2]string{name, usage})
	}
	return rows
}

// placeholder parts a flag's usage into the word for its value and the rest: "`DIR`
// where it is" is DIR and "where it is".
func placeholder(usage string) (word, rest string) {
	if quoted, ok := strings.CutPrefix(usage, "`"); ok {
		word, rest, _ = strings.Cut(quoted, "` ")
		return word, rest
	}
	return "VALUE", usage
}

// page is help in the making.
type page struct {
	strings.Builder
	color bool
}

func (p *page) line(format string, args ...any) {
	fmt.Fprintf(p, format+"\n", args...)
}

func (p *page) title(text string) {
	p.line("\n%s", paint(p.color, bold, text))
}

// block prints text as it stands, indented.
func (p *page) block(text string) {
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		p.line("%s", strings.TrimRight("  "+line, " "))
	}
}

// rows prints names and what they mean in two columns.
func (p *page) rows(rows [][2]string) {
	width := 0
	for _, r := range rows {
		width = max(width, utf8.RuneCountInString(r[0]))
	}
	for _, r := range rows {
		lines := wrap(r[1], helpWidth-width-4)
		p.line("  %-*s  %s", width, r[0], lines[0])
		for _, l := range lines[1:] {
			p.line("  %-*s  %s", width, "", l)
		}
	}
}

func (p *page) print(sys *system) { sys.printf("%s", p.String()) }

// wrap parts text into lines of at most width runes, if its words allow.
func wrap(text string, width int) []string {
	lines := []string{""}
	for word := range strings.FieldsSeq(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return slices.Clip(lines)
}
