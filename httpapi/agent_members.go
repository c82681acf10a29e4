package httpapi

import (
	"net/http"
	"strconv"

	"covey/internal/fault"
)

// memberStatus gives serf's numbers to serf's words; others are 0, none.
var memberStatus = map[string]int{"alive": 1, "leaving": 2, "left": 3, "failed": 4}

func memberOf(m *Member) wireMember {
	return wireMember{Name: m.Name, Addr: m.Addr, Port: m.Port, Tags: nonNilMap(m.Tags), Status: memberStatus[m.Status]}
}

// agentMembers lists the cluster as membership sees it. There is one pool: asked for
// the members across datacenters, it has none.
func (s *Server) agentMembers(w http.ResponseWriter, r *request) error {
	if segment := r.params.Get("segment"); segment != "" && segment != "_all" {
		return fault.New(fault.Invalid, "invalid query parameter %q: Covey has no network segments", "segment")
	}
	f, err := r.filterFor(wireMember{})
	if err != nil {
		return err
	}
	known := s.cfg.Agent.Members()
	if r.present("wan") {
		known.List = nil
	}
	key := r.cacheKey("agent/members", strconv.FormatBool(known.List == nil))
	return s.shared(w, r, key, known.Serial, len(known.List), func() (any, error) {
		members := make([]wireMember, len(known.List))
		for i := range known.List {
			members[i] = memberOf(&known.List[i])
		}
		return kept(f, members)
	})
}

// join answers with how many addresses were reached, which Consul's clients ignore.
func (s *Server) join(w http.ResponseWriter, r *request) error {
	addr, err := r.required("addr", "address to join")
	if err != nil {
		return err
	}
	if r.present("wan") {
		return fault.New(fault.Invalid, "invalid query parameter %q: Covey has one pool of members, join without it", "wan")
	}
	joined, err := s.cfg.Agent.Join(r.Context(), []string{addr})
	if err != nil {
		return err
	}
	return s.value(w, r, http.StatusOK, struct{ Joined int }{joined})
}

func (s *Server) leave(w http.ResponseWriter, r *request) error {
	if err := s.cfg.Agent.Leave(r.Context()); err != nil {
		return err
	}
	return s.done(w)
}

func (s *Server) forceLeave(w http.ResponseWriter, r *request) error {
	node, err := r.required("node", "node name")
	if err != nil {
		return err
	}
	if err := s.cfg.Agent.ForceLeave(r.Context(), node, r.present("prune")); err != nil {
		return err
	}
	return s.done(w)
}

func (s *Server) reload(w http.ResponseWriter, r *request) error {
	if err := s.cfg.Agent.Reload(r.Context()); err != nil {
		return err
	}
	return s.done(w)
}
