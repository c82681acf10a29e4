package main

import (
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"covey/internal/apiclient"
)

// accessFlag is what an agent may want of a command before it answers. Variables are
// ours, then Consul's.
type accessFlag struct {
	name, usage string
	env         []string
}

var allAccessFlags = []accessFlag{
	{"token-file", "`FILE` that holds the token to show to the agent; COVEY_HTTP_TOKEN is one itself", []string{"COVEY_HTTP_TOKEN_FILE", "CONSUL_HTTP_TOKEN_FILE"}},
	{"ca-file", "`FILE` whose certificates an agent may show (https)", []string{"COVEY_CACERT", "CONSUL_CACERT"}},
	{"ca-path", "`DIR` of such files", []string{"COVEY_CAPATH", "CONSUL_CAPATH"}},
	{"client-cert", "`FILE` certificate to show to the agent", []string{"COVEY_CLIENT_CERT", "CONSUL_CLIENT_CERT"}},
	{"client-key", "`FILE` and its key", []string{"COVEY_CLIENT_KEY", "CONSUL_CLIENT_KEY"}},
	{"tls-server-name", "`NAME` that the agent's certificate is for", []string{"COVEY_TLS_SERVER_NAME", "CONSUL_TLS_SERVER_NAME"}},
}

func accessFlags() []cli.Flag {
	flags := make([]cli.Flag, len(allAccessFlags))
	for i, f := range allAccessFlags {
		flags[i] = &cli.StringFlag{Name: f.name, Usage: f.usage, EnvVars: f.env}
	}
	return flags
}

// dial makes a client of the agent at addr. Without flags the environment alone says what
// the agent is shown.
func dial(flags *cli.Context, addr string) (*apiclient.Client, error) {
	if addr == "" {
		addr = apiclient.DefaultAddr
	}
	a, err := accessOf(flags)
	if err != nil {
		return nil, err
	}
	if _, err := apiclient.New(addr); err != nil {
		return nil, usagef("--http-addr or COVEY_HTTP_ADDR: %w", err)
	}
	agent, err := apiclient.NewWith(addr, a)
	if err != nil {
		return nil, usagef("what to show to the agent and to trust of it (--client-cert, --ca-file): %w", err)
	}
	return agent, nil
}

func accessOf(flags *cli.Context) (a apiclient.Access, err error) {
	value := map[string]string{}
	for _, f := range allAccessFlags {
		if flags != nil {
			value[f.name] = flags.String(f.name)
		}
		if value[f.name] == "" { // a variable that is set to nothing is not set
			value[f.name] = firstOf(f.env...)
		}
	}
	a = apiclient.Access{
		Token:  firstOf("COVEY_HTTP_TOKEN", "CONSUL_HTTP_TOKEN"),
		CAFile: value["ca-file"], CAPath: value["ca-path"], ServerName: value["tls-server-name"],
		ClientCert: value["client-cert"], ClientKey: value["client-key"],
	}
	if a.SSL, err = switched(false, "COVEY_HTTP_SSL", "CONSUL_HTTP_SSL"); err != nil {
		return a, err
	}
	verify, err := switched(true, "COVEY_HTTP_SSL_VERIFY", "CONSUL_HTTP_SSL_VERIFY")
	if err != nil {
		return a, err
	}
	a.SkipVerify = !verify
	if path := value["token-file"]; path != "" { // as in Consul, a file is what is meant
		text, err := os.ReadFile(path)
		if err != nil {
			return a, usagef("the token to show (--token-file): %w", err)
		}
		if a.Token = strings.TrimSpace(string(text)); a.Token == "" || strings.ContainsAny(a.Token, " \t\r\n") {
			return a, usagef("the token to show (--token-file): %s does not hold one token, on one line", path)
		}
	}
	return a, nil
}

// firstOf returns the first of these variables that is set to something.
func firstOf(variables ...string) string {
	for _, name := range variables {
		if text := os.Getenv(name); text != "" {
			return text
		}
	}
	return ""
}

// switched reads a variable that is true or false.
func switched(otherwise bool, variables ...string) (bool, error) {
	for _, name := range variables {
		text := os.Getenv(name)
		if text == "" {
			continue
		}
		on, err := strconv.ParseBool(text)
		if err != nil {
			return false, usagef("%s: %q is neither true nor false", name, text)
		}
		return on, nil
	}
	return otherwise, nil
}
