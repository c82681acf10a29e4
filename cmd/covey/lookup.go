package main

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"covey/internal/apiclient"
)

func lookupCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:      "lookup",
		Category:  groupServices,
		Usage:     "show what DNS answers for a service, in order, and what it leaves out",
		ArgsUsage: "NAME",
		Description: `Asks the agent what its DNS would answer, by the same code: repeat it and the order
changes, since answers are shuffled by weight. Exits 3 if nothing is answered.`,
		Flags: clientFlags(10*time.Second,
			&cli.StringFlag{Name: "type", Usage: "`TYPE` what kind of records: SRV, A, AAAA, HTTPS, PTR or TXT", DefaultText: "SRV, and PTR of an IP address"},
			&cli.StringSliceFlag{Name: "tag", Usage: "`TAG` only instances that bear it; of several, all"},
			&cli.BoolFlag{Name: "explain", Usage: "show the policy, and what each weight is made of", DisableDefaultText: true},
		),
		Action: client(sys, 1, 1, func(ctx context.Context, c *call) error {
			name := c.flags.Args().First()
			qtype := strings.ToUpper(cmp.Or(c.flags.String("type"), usualType(name)))
			if !slices.Contains(lookupTypes, qtype) {
				return usagef("--type %s: want SRV, A, AAAA, HTTPS, PTR or TXT", c.flags.String("type"))
			}
			found, err := c.Lookup(ctx, name, c.flags.StringSlice("tag"), qtype)
			if err != nil {
				return c.failed(err, "look up %s", name)
			}
			if c.json {
				err = c.printJSON(found)
			} else {
				c.showLookup(&found, c.flags.Bool("explain"))
			}
			if err == nil && len(found.Answers) == 0 {
				return noAnswer(name, &found)
			}
			return err
		}),
	}
}

// lookupTypes are the kinds of records that can be looked up.
var lookupTypes = []string{"SRV", "A", "AAAA", "HTTPS", "PTR", "TXT"}

// usualType is what is looked up unless it is said: of an address, who is there.
func usualType(name string) string {
	if _, err := netip.ParseAddr(name); err == nil {
		return "PTR"
	}
	return "SRV"
}

func (s *system) showLookup(l *apiclient.Lookup, explain bool) {
	if l.Stale {
		s.printf("this agent is cut off from all others; answered is who it last knew\n\n")
	}
	if l.Panic {
		s.printf("fewer than the service's panic threshold are healthy: all are answered, whatever their health\n\n")
	}
	if len(l.Answers) > 0 {
		name := printable(l.Name)
		if len(l.Tags) > 0 {
			name += " with " + printable(tagList(l.Tags)) + ","
		}
		s.printf("%s %s, ttl %d\n\n", name, printable(l.Type), l.TTL)
		s.showAnswers(l.Answers)
		if explain {
			s.explainLookup(l)
		}
	}
	if len(l.LeftOut) > 0 {
		if len(l.Answers) > 0 {
			s.printf("\n")
		}
		t := table{header: []string{"LEFT OUT", "STATUS", "NODE", "ADDRESS", "WHY"}}
		for _, o := range l.LeftOut {
			t.add(text(o.ID), status(o.Status), text(o.Node), text(hostPort(o.Address, o.Port)), text(o.Reason))
		}
		s.write(&t)
	}
}

func (s *system) showAnswers(answers []apiclient.Answer) {
	t := table{header: []string{"WEIGHT", "STATUS", "NODE", "ADDRESS"}}
	if slices.ContainsFunc(answers, func(a apiclient.Answer) bool { return a.Data != "" }) {
		t.header[3] = "DATA"
	}
	for _, a := range answers {
		where := a.Data
		if where == "" {
			where = hostPort(a.Address, a.Port)
		}
		t.add(text(strconv.Itoa(int(a.Weight))), status(a.Status), text(a.Node), text(where))
	}
	s.write(&t)
}

// explainLookup shows what the weights are made of.
func (s *system) explainLookup(l *apiclient.Lookup) {
	s.printf("\npolicy %s\n\n", printable(l.Policy))
	t := table{header: []string{"INSTANCE", "NODE", "PRIORITY", "WEIGHT", "REGISTERED", "SLOW START", "LOAD", "PLACE", "CUT"}}
	reported := slices.ContainsFunc(l.Answers, func(a apiclient.Answer) bool { return a.Load != nil })
	if reported {
		t.header = append(t.header, "REPORTED")
	}
	for _, a := range l.Answers {
		if a.Factors == nil {
			continue
		}
		row := []cell{text(a.ID), text(a.Node), text(strconv.Itoa(int(a.Priority))), text(strconv.Itoa(int(a.Weight)))}
		for _, f := range []float64{a.Factors.Registered, a.Factors.SlowStart, a.Factors.Load, a.Factors.Place, a.Factors.Cut} {
			row = append(row, text(strconv.FormatFloat(f, 'g', 3, 64)))
		}
		if reported {
			row = append(row, text(reportedLoad(a.Load)))
		}
		t.add(row...)
	}
	s.write(&t)
}

// reportedLoad is what an instance says of itself, "" for nothing.
func reportedLoad(l *apiclient.Load) string {
	if l == nil {
		return ""
	}
	var parts []string
	if l.Share == 0 || l.Rate+l.Utilisation+l.Queue > 0 {
		parts = append(parts, fmt.Sprintf("%.3g/s at %.3g%%, %.3g in hand", l.Rate, 100*l.Utilisation, l.Queue))
	}
	if l.Share > 0 {
		parts = append(parts, fmt.Sprintf("asks for %.3g%%", 100*l.Share))
	}
	return strings.Join(parts, ", ")
}

// noAnswer says why there is none.
func noAnswer(name string, l *apiclient.Lookup) error {
	switch {
	case len(l.LeftOut) > 0:
		return notFoundf("no %s answer for %s: %s left out", l.Type, name, plural(len(l.LeftOut), "instance"))
	case l.Rcode == "NXDOMAIN":
		return notFoundf("no %s answer for %s: there is no such service (%s); `covey services` lists what there is", l.Type, name, l.Rcode)
	default:
		return notFoundf("no %s answer for %s: the name has no such record (%s)", l.Type, name, l.Rcode)
	}
}
