package main

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"covey/catalog/definition"
)

// registerTimeout bounds the whole command, as --timeout does elsewhere; here that
// flag is the check's.
const registerTimeout = 30 * time.Second

func registerCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:        "register",
		Category:    groupServices,
		Usage:       "register a service on the agent, by flags or by a definition file",
		ArgsUsage:   "[FILE]",
		Description: registerDescription,
		Flags:       registerFlags(),
		Action: func(flags *cli.Context) error {
			return talk(sys, flags, 0, 1, registerTimeout, register)
		},
	}
}

func registerFlags() []cli.Flag {
	own := []cli.Flag{
		&cli.StringFlag{Name: "name", Usage: "`NAME` name of the service, one DNS label"},
		&cli.StringFlag{Name: "id", Usage: "`ID` what tells the instance from others on this agent", DefaultText: "the name"},
		&cli.StringFlag{Name: "address", Usage: "`ADDRESS` the IP or host name to answer", DefaultText: "the node's"},
		&cli.IntFlag{Name: "port", Usage: "`PORT` the port to answer", DefaultText: "none"},
		&cli.StringSliceFlag{Name: "tag", Usage: "`TAG` a word to find it by; several take the flag several times, since a tag may hold commas"},
		&cli.StringSliceFlag{Name: "meta", Usage: "`KEY=VALUE` something to know about it"},
		&cli.IntFlag{Name: "weight", Usage: "`N` share of the traffic while passing, 0..65535", DefaultText: "1"},
		&cli.StringSliceFlag{Name: "check-http", Usage: "`URL` answers 2xx while it is well, 429 for a warning"},
		&cli.StringSliceFlag{Name: "check-tcp", Usage: "`ADDR` host:port that accepts connections while it is well"},
		&cli.StringSliceFlag{Name: "check-hold", Usage: "`ADDR` host:port of a connection to keep open: its end is noticed at once"},
		&cli.StringSliceFlag{Name: "check-process", Usage: "`PID` process, or the path of its PID file: its end is noticed at once"},
		&cli.StringSliceFlag{Name: "check-agent", Usage: "`ADDR` host:port that speaks HAProxy's agent-check protocol"},
		&cli.StringSliceFlag{Name: "check-grpc", Usage: "`ADDR` host:port, or host:port/service, whose grpc.health.v1 says SERVING"},
		&cli.StringSliceFlag{Name: "check-udp", Usage: "`ADDR` host:port that does not refuse datagrams"},
		&cli.StringSliceFlag{Name: "check-unit", Usage: "`UNIT` systemd unit that is active"},
		&cli.StringSliceFlag{Name: "check-alias", Usage: "`ID` another service on this agent: it stands as that one does"},
		&cli.BoolFlag{Name: "check-tls", Usage: "speak TLS to what --check-grpc and --check-tcp name", DisableDefaultText: true},
		&cli.BoolFlag{Name: "check-tls-skip-verify", Usage: "do not verify the certificate of what is checked", DisableDefaultText: true},
		&cli.DurationFlag{Name: "check-ttl", Usage: "`DURATION` how long it is well after it last said so"},
		&cli.DurationFlag{Name: "interval", Usage: "`DURATION` how often to check, but for a TTL", Value: 10 * time.Second},
		&cli.DurationFlag{Name: "timeout", Usage: "`DURATION` how long one such check may take", DefaultText: "as the agent has it"},
	}
	return append(own, httpAddrFlag(), jsonFlag())
}

func register(ctx context.Context, c *call) error {
	services, err := c.definitions()
	if err != nil {
		return err
	}
	var ids []string
	byID := map[string]*definition.Service{}
	for i := range services {
		s := &services[i]
		if byID[s.ID] != nil {
			return usagef("cannot register: two services have the ID %q; give one of them another", s.ID)
		}
		ids, byID[s.ID] = append(ids, s.ID), s
	}
	done, failures, err := c.forEach(ids, func(id string) error {
		body, err := wire(byID[id])
		if err == nil {
			err = c.Register(ctx, body)
		}
		return c.failed(err, "register %s on the agent at %s", id, c.Addr())
	})
	if c.json {
		wrong := c.printJSON(struct {
			Registered []string
			Failed     []failure
		}{done, failures})
		return cmp.Or(wrong, err)
	}
	for _, id := range done {
		c.showRegistered(byID[id])
	}
	return err
}

// definitions reads the services from the flags or the file. They are held to what the
// agent would say of them, so that nothing is registered if one of several is wrong.
func (c *call) definitions() ([]definition.Service, error) {
	file := c.flags.Args().First()
	switch {
	case file != "" && c.describes() != "":
		return nil, usagef("--%s and the file %s both describe a service: give one of them", c.describes(), file)
	case file != "":
		services, err := readDefinitions(file, c.in)
		if err != nil {
			return nil, fmt.Errorf("cannot register from %s: %w", file, err)
		}
		return services, nil
	case !c.flags.IsSet("name"):
		return nil, usagef("`covey register` wants --name or a definition file; see `covey help register`")
	}
	for _, name := range []string{"interval", "timeout", "check-tls", "check-tls-skip-verify"} {
		if c.flags.IsSet(name) && !slices.ContainsFunc(runFlags(), func(f runFlag) bool { return c.flags.IsSet(f.name) }) {
			return nil, usagef("--%s is of a check that the agent runs, such as --check-http, and there is none", name)
		}
	}
	values, err := definitionFromFlags(c.flags)
	if err != nil {
		return nil, err
	}
	s, err := definition.ServiceFromMap(values)
	if err != nil {
		return nil, fmt.Errorf("cannot register: %w", err)
	}
	return []definition.Service{s}, nil
}

// describes returns the first flag set that describes a service, "" if there is none.
func (c *call) describes() string {
	for _, f := range c.flags.Command.Flags {
		name := f.Names()[0]
		if name != "http-addr" && name != "json" && c.flags.IsSet(name) {
			return name
		}
	}
	return ""
}

// definitionFromFlags says with the API's keys what the flags say.
func definitionFromFlags(c *cli.Context) (map[string]any, error) {
	m := map[string]any{"Name": c.String("name")}
	for flag, key := range map[string]string{"id": "ID", "address": "Address", "port": "Port"} {
		if c.IsSet(flag) {
			m[key] = c.Value(flag)
		}
	}
	if tags := c.StringSlice("tag"); len(tags) > 0 {
		m["Tags"] = tags
	}
	if c.IsSet("meta") {
		meta := map[string]any{}
		for _, pair := range c.StringSlice("meta") {
			key, value, ok := strings.Cut(pair, "=")
			if !ok {
				return nil, usagef("--meta %s: want key=value", pair)
			}
			meta[key] = value
		}
		m["Meta"] = meta
	}
	if c.IsSet("weight") {
		weight := c.Int("weight")
		// In warning it gets the least there is, as it would without the flag.
		m["Weights"] = map[string]any{"Passing": weight, "Warning": max(0, min(weight, 1))}
	}
	if checks := checksFromFlags(c); len(checks) > 0 {
		m["Checks"] = checks
	}
	return m, nil
}

// runFlag asks for a check that the agent runs.
type runFlag struct{ name, key string }

func runFlags() []runFlag {
	return []runFlag{
		{"check-http", "HTTP"},
		{"check-tcp", "TCP"},
		{"check-hold", "Hold"},
		{"check-process", "Process"},
		{"check-agent", "AgentCheck"},
		{"check-grpc", "GRPC"},
		{"check-udp", "UDP"},
		{"check-unit", "OSService"},
		{"check-alias", "AliasService"},
	}
}

func checksFromFlags(c *cli.Context) []any {
	var checks []any
	for _, kind := range runFlags() {
		for _, target := range c.StringSlice(kind.name) {
			check := map[string]any{kind.key: target, "Interval": c.Duration("interval").String()}
			if c.IsSet("timeout") {
				check["Timeout"] = c.Duration("timeout").String()
			}
			if c.Bool("check-tls") && (kind.key == "GRPC" || kind.key == "TCP") {
				check[kind.key+"UseTLS"] = true
			}
			if c.Bool("check-tls-skip-verify") {
				check["TLSSkipVerify"] = true
			}
			checks = append(checks, check)
		}
	}
	if c.IsSet("check-ttl") {
		checks = append(checks, map[string]any{"TTL": c.Duration("check-ttl").String()})
	}
	return checks
}

// showRegistered says what is there now and, for a TTL check, what is expected.
func (c *call) showRegistered(s *definition.Service) {
	id, at := "", ""
	if s.ID != s.Name {
		id = " as " + s.ID
	}
	switch {
	case s.Address != "":
		at = " at " + hostPort(s.Address, uint16(s.Port))
	case s.Port != 0:
		at = fmt.Sprintf(" on port %d", s.Port)
	}
	c.printf("Registered %s%s%s.\n", s.Name, id, at)
	for i := range s.Checks {
		check := &s.Checks[i]
		if check.TTL == 0 {
			continue
		}
		with := "curl -X PUT "
		if socket := c.Socket(); socket != "" {
			with += "--unix-socket " + socket + " "
		}
		c.printf("Its check %s is %s until the first beat, and critical %s after the last. A beat is:\n  %s%s\n",
			check.ID, check.Status, check.TTL, with, c.URL("/v1/agent/check/pass/"+url.PathEscape(check.ID)))
	}
}
