// Defaults that depend on the host.

package config

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// host is what is asked of the system.
type host struct {
	name   func() (string, error)
	home   func() (string, error)
	getenv func(string) string
	read   func(string) ([]byte, error)
	root   bool
}

func thisHost() host {
	return host{name: os.Hostname, home: os.UserHomeDir, getenv: os.Getenv, read: readAll, root: os.Geteuid() == 0}
}

// nodeName returns the host's name as a DNS name, and tells apart the agents that one
// host runs on loopback addresses.
func (h host) nodeName(bind netip.Addr) string {
	name, err := h.name()
	if err != nil {
		name = ""
	}
	suffix := ""
	if bind.IsLoopback() && bind != netip.AddrFrom4([4]byte{127, 0, 0, 1}) && bind != netip.IPv6Loopback() {
		suffix = "-" + strings.ReplaceAll(bind.String(), ".", "-")
	}
	return dnsSafe(name, len(suffix)) + suffix
}

// maxName leaves room in a DNS name for ".node.dc1.local" and its like.
const maxName = 200

// dnsSafe makes a name of labels with letters, digits and inner hyphens out of any
// text. Its last label has room for so many bytes more.
func dnsSafe(name string, room int) string {
	var labels []string
	total := 0
	for text := range strings.SplitSeq(name, ".") {
		label := strings.Trim(strings.Map(safe, text), "-")
		label = strings.TrimRight(label[:min(len(label), 63-room)], "-")
		if total += len(label) + 1; label != "" && total < maxName {
			labels = append(labels, label)
		}
	}
	if len(labels) == 0 {
		return "node"
	}
	return strings.Join(labels, ".")
}

func safe(r rune) rune {
	if '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
		return r
	}
	return '-'
}

// dataDir returns where an agent of that name keeps its state.
func (h host) dataDir(node string) (string, error) {
	if h.root {
		return filepath.Join("/var/lib/covey", node), nil
	}
	state := h.getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) { // the specification says to ignore a relative one
		home, err := h.home()
		if err != nil {
			return "", errors.New("this user has no home directory to keep state in")
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "covey", node), nil
}
