package httpapi

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// coveyStatus is what the agent says of itself.
func (s *Server) coveyStatus(w http.ResponseWriter, r *request) error {
	st := s.cfg.Agent.Status()
	st.Counters = nonNilMap(st.Counters)
	return s.value(w, r, http.StatusOK, st)
}

// coveyLookup is what DNS answers to a name, and whom it left out and why. The type
// is SRV unless asked for.
func (s *Server) coveyLookup(w http.ResponseWriter, r *request) error {
	name, err := r.required("name", "name to look up")
	if err != nil {
		return err
	}
	qtype := strings.ToUpper(cmp.Or(r.params.Get("type"), "SRV"))
	found, err := s.cfg.Lookup(name, r.tags(), qtype)
	if err != nil {
		return err
	}
	found.Answers, found.LeftOut = slices.Clone(nonNil(found.Answers)), nonNil(found.LeftOut)
	for i := range found.Answers {
		found.Answers[i].Tags = nonNil(found.Answers[i].Tags)
	}
	return s.value(w, r, http.StatusOK, found)
}
