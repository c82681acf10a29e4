package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/urfave/cli/v2"

	"covey/internal/apiclient"
)

func servicesCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:     "services",
		Category: groupServices,
		Usage:    "list all services of the cluster and how many instances are healthy",
		Description: `HEALTHY is passing instances of all; ` + "`covey lookup NAME`" + ` shows them one by one.
Exits 3 if nothing is registered anywhere.`,
		Flags: clientFlags(10 * time.Second),
		Action: client(sys, 0, 0, func(ctx context.Context, c *call) error {
			stop := c.progress("reading the catalogue")
			services, err := c.Summary(ctx)
			stop()
			if err != nil {
				return c.failed(err, "list the services")
			}
			if c.json {
				err = c.printJSON(services)
			} else if len(services) > 0 {
				c.write(servicesTable(services))
			}
			if err == nil && len(services) == 0 {
				return notFoundf("no service is registered; `covey help register` says how")
			}
			return err
		}),
	}
}

func servicesTable(services []apiclient.ServiceSummary) *table {
	t := &table{header: []string{"SERVICE", "HEALTHY", "TAGS", "NOT PASSING"}}
	for _, s := range services {
		var rest []string
		style := green
		if s.Warning > 0 {
			rest, style = append(rest, fmt.Sprintf("%d warning", s.Warning)), yellow
		}
		if s.Critical > 0 {
			rest, style = append(rest, fmt.Sprintf("%d critical", s.Critical)), red
		}
		t.add(text(s.Name), cell{fmt.Sprintf("%d/%d", s.Passing, s.Instances), style},
			text(tagList(s.Tags)), cell{strings.Join(rest, ", "), style})
	}
	return t
}

// tagList shows tags so that each can be told from the next: what holds a comma, a blank
// or a quote is quoted. Of none it is "-".
func tagList(tags []string) string {
	if len(tags) == 0 {
		return "-"
	}
	shown := make([]string, len(tags))
	for i, tag := range tags {
		if shown[i] = tag; tag == "" || tag == "-" || strings.ContainsAny(tag, ",\"") || strings.ContainsFunc(tag, unicode.IsSpace) {
			shown[i] = strconv.Quote(tag)
		}
	}
	return strings.Join(shown, ", ")
}
