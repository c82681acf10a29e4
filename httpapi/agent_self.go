package httpapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// apiLevel is the version of Consul whose discovery API this is. Clients such as Nomad
// read the agent's version and use nothing of one that is too old.
const apiLevel = "1.14.0"

// agentSelf says who this agent is, in the blocks that clients look for.
func (s *Server) agentSelf(w http.ResponseWriter, r *request) error {
	local := s.cfg.Agent.Local()
	self := map[string]any{
		"Config": map[string]any{
			"Datacenter":        s.cfg.Datacenter,
			"PrimaryDatacenter": s.cfg.Datacenter,
			"NodeName":          s.cfg.NodeName,
			"NodeID":            s.self().ID,
			"Server":            false,
			"Version":           apiLevel + "+covey." + buildMetadata(s.cfg.Version),
			"Revision":          s.cfg.Version,
		},
		"DebugConfig": map[string]any{
			"Datacenter":     s.cfg.Datacenter,
			"NodeName":       s.cfg.NodeName,
			"ConnectEnabled": false,
			"GRPCPort":       -1,
		},
		"Member": s.member(),
		"Meta":   map[string]string{},
		"Stats": map[string]map[string]string{
			"agent": {
				"check_ttls": strconv.Itoa(countTTLs(local.Checks)),
				"checks":     strconv.Itoa(len(local.Checks)),
				"services":   strconv.Itoa(len(local.Services)),
			},
		},
	}
	if local.Node != nil {
		self["Meta"] = nonNilMap(local.Node.Meta)
	}
	return s.value(w, r, http.StatusOK, self)
}

// member is this agent among the members.
func (s *Server) member() wireMember {
	list := s.cfg.Agent.Members().List
	at, found := slices.BinarySearchFunc(list, s.cfg.NodeName, func(m Member, name string) int { return strings.Compare(m.Name, name) })
	if !found {
		return memberOf(&Member{Name: s.cfg.NodeName})
	}
	return memberOf(&list[at])
}

func countTTLs(checks []LocalCheck) int {
	n := 0
	for i := range checks {
		if checks[i].Definition.TTL != 0 {
			n++
		}
	}
	return n
}

// buildMetadata makes version fit to stand behind the + of a semantic version.
func buildMetadata(version string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '.', c == '-':
			return c
		}
		return '-'
	}, version)
}
