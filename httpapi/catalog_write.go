package httpapi

import (
	"net/http"
	"strings"

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
	if err := s.knownDatacenter(d.Datacenter); err != nil {
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
	if err := s.knownDatacenter(d.Datacenter); err != nil {
		return err
	}
	if err := s.cfg.Agent.DeregisterExternal(r.Context(), d); err != nil {
		return err
	}
	return s.value(w, r, http.StatusOK, true)
}

// knownDatacenter refuses every datacenter but this one, in the words and with the code
// by which clients know it.
func (s *Server) knownDatacenter(dc string) error {
	if dc != "" && !strings.EqualFold(dc, s.cfg.Datacenter) {
		return refuse(http.StatusInternalServerError, "No path to datacenter %q: this agent knows %q only", dc, s.cfg.Datacenter)
	}
	return nil
}
