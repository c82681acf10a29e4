package httpapi

import (
	"net/http"
	"strings"

	"covey/catalog"
	"covey/catalog/definition"
)

// catalogRegister registers an external node, a service or checks there.
func (s *Server) catalogRegister(w http.ResponseWriter, r *request) error {
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	d, err := definition.ExternalFromJSON(body)
	if err != nil {
		return err
	}
	if err := s.writesHere(r, d.Datacenter); err != nil {
		return err
	}
	if err := s.cfg.Agent.RegisterExternal(r.Context(), d); err != nil {
		return err
	}
	return s.value(w, r, http.StatusOK, true)
}

func (s *Server) catalogDeregister(w http.ResponseWriter, r *request) error {
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	d, err := definition.ExternalRemovalFromJSON(body)
	if err != nil {
		return err
	}
	if err := s.writesHere(r, d.Datacenter); err != nil {
		return err
	}
	if err := s.mayRemove(r, d); err != nil {
		return err
	}
	if err := s.cfg.Agent.DeregisterExternal(r.Context(), d); err != nil {
		return err
	}
	return s.value(w, r, http.StatusOK, true)
}

// mayRemove wants an operator for what is an operator's elsewhere: to take away a node that
// had an agent, which is to force it to leave, and to end its maintenance.
func (s *Server) mayRemove(r *request, d definition.ExternalRemoval) error {
	h := s.cfg.Catalog.View().Host(d.Node)
	if h == nil || h.Liveness == catalog.Outside {
		return nil
	}
	if d.ServiceID == "" && d.CheckID == "" {
		return s.authorize(r, Operate)
	}
	return s.mayEndMaintenance(r, d.CheckID)
}

// writesHere refuses a write to another datacenter, which clients name in the body or in
// the query.
func (s *Server) writesHere(r *request, dc string) error {
	if err := s.checkDatacenter(r); err != nil {
		return err
	}
	return s.knownDatacenter(dc)
}

// knownDatacenter refuses every datacenter but this one, in the words and with the code
// by which clients know it.
func (s *Server) knownDatacenter(dc string) error {
	if dc != "" && !strings.EqualFold(dc, s.cfg.Datacenter) {
		return refuse(http.StatusInternalServerError, "No path to datacenter %q: this agent knows %q only", dc, s.cfg.Datacenter)
	}
	return nil
}
