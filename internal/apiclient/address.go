package apiclient

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// DefaultAddr is where an agent listens unless it was told otherwise.
const DefaultAddr = "127.0.0.1:8500"

const defaultPort = "8500"

// endpoint is an agent's address, taken apart.
type endpoint struct {
	scheme string // http or https
	host   string // host:port, as it stands in the Host header
	socket string // path of a unix socket, "" for TCP
}

// parseAddr reads host, host:port, http://host:port, https://host:port or
// unix:///path.
func parseAddr(text string) (endpoint, error) {
	if path, ok := strings.CutPrefix(text, "unix://"); ok {
		if path == "" {
			return endpoint{}, fmt.Errorf("%q names no socket: want unix:///path", text)
		}
		return endpoint{scheme: "http", host: "localhost", socket: path}, nil
	}
	e := endpoint{scheme: "http", host: text}
	if strings.Contains(text, "://") {
		u, err := url.Parse(text)
		if err != nil {
			return endpoint{}, fmt.Errorf("%q is no URL: %w", text, err)
		}
		if u.Scheme != "http" && u.Scheme != "https" {
			return endpoint{}, fmt.Errorf("%q has the scheme %s: want host:port, http://, https:// or unix:///path", text, u.Scheme)
		}
		if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
			return endpoint{}, fmt.Errorf("%q says more than where the agent is: want http://host:port", text)
		}
		e.scheme, e.host = u.Scheme, u.Host
	}
	if _, _, err := net.SplitHostPort(e.host); err != nil {
		e.host = net.JoinHostPort(strings.Trim(e.host, "[]"), defaultPort)
	}
	host, port, err := net.SplitHostPort(e.host)
	if err != nil || host == "" || port == "" || strings.ContainsAny(host, "/ ") {
		return endpoint{}, fmt.Errorf("%q is no address of an agent: want host:port, http://host:port or unix:///path", text)
	}
	return e, nil
}
