package httpapi

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"covey/internal/fault"
)

// coveyStatus is what the agent says of itself.
func (s *Server) coveyStatus(w http.ResponseWriter, r *request) error {
	st := s.cfg.Agent.Status()
	st.Counters = nonNilMap(st.Counters)
	return s.value(w, r, http.StatusOK, st)
}

// coveyDrain takes this host out of all answers, and says for how long it is wise to go
// on serving those who have it from an earlier one.
func (s *Server) coveyDrain(w http.ResponseWriter, r *request) error {
	keep, err := s.cfg.Agent.Drain(r.Context(), r.params.Get("reason"))
	if err != nil {
		return err
	}
	return s.value(w, r, http.StatusOK, struct{ Keep string }{keep.String()})
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

// coveyReport takes what a caller met at an instance: result is ok or failed. An ID that
// several nodes have needs the node beside it.
func (s *Server) coveyReport(w http.ResponseWriter, r *request) error {
	service, err := r.required("service", "service name")
	if err != nil {
		return err
	}
	id, err := r.required("id", "service ID")
	if err != nil {
		return err
	}
	result := r.params.Get("result")
	if result != "ok" && result != "failed" {
		return fault.Field("result", "%q is neither ok nor failed", result)
	}
	known, ejected := s.cfg.Outcome(service, r.params.Get("node"), id, result == "ok")
	if !known {
		return fault.New(fault.NotFound, "no instance %q of service %q that may be answered is known, or several nodes have one: say which with ?node=", id, service)
	}
	return s.value(w, r, http.StatusOK, outcome{Ejected: ejected})
}

// outcome is the reply to a report.
type outcome struct{ Ejected bool }

// coveyChecks lists the checks on this agent with when they run.
func (s *Server) coveyChecks(w http.ResponseWriter, r *request) error {
	return s.value(w, r, http.StatusOK, nonNil(s.cfg.Agent.Checks()))
}

// coveyRunCheck carries out one of them and answers with how it stands then.
func (s *Server) coveyRunCheck(w http.ResponseWriter, r *request) error {
	id, err := r.required("id", "check ID")
	if err != nil {
		return err
	}
	found, err := s.cfg.Agent.RunCheck(r.Context(), id)
	if err != nil {
		return err
	}
	return s.value(w, r, http.StatusOK, found)
}

// coveyTimeline lists the latest changes of health, of all services or of one.
func (s *Server) coveyTimeline(w http.ResponseWriter, r *request) error {
	return s.value(w, r, http.StatusOK, nonNil(s.cfg.Agent.Timeline(r.params.Get("service"))))
}
