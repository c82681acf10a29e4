package httpapi

import (
	"encoding/json"
	"hash/fnv"
	"net/http"
	"strconv"

	"covey/catalog"
	"covey/catalog/definition"
	"covey/internal/fault"
)

func (s *Server) registerService(w http.ResponseWriter, r *request) error {
	replace, err := r.boolean("replace-existing-checks")
	if err != nil {
		return err
	}
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	def, err := definition.ServiceFromJSON(body)
	if err != nil {
		return err
	}
	if err := s.cfg.Agent.RegisterService(r.Context(), def, replace); err != nil {
		return err
	}
	return s.done(w)
}

func (s *Server) deregisterService(w http.ResponseWriter, r *request) error {
	id, err := r.required("id", "service ID")
	if err != nil {
		return err
	}
	if err := s.cfg.Agent.DeregisterService(r.Context(), id); err != nil {
		return err
	}
	return s.done(w)
}

func (s *Server) serviceMaintenance(w http.ResponseWriter, r *request) error {
	id, err := r.required("id", "service ID")
	if err != nil {
		return err
	}
	on, err := r.enable()
	if err != nil {
		return err
	}
	if err := s.cfg.Agent.ServiceMaintenance(r.Context(), id, on, r.params.Get("reason")); err != nil {
		return err
	}
	return s.done(w)
}

func (s *Server) nodeMaintenance(w http.ResponseWriter, r *request) error {
	on, err := r.enable()
	if err != nil {
		return err
	}
	if err := s.cfg.Agent.NodeMaintenance(r.Context(), on, r.params.Get("reason")); err != nil {
		return err
	}
	return s.done(w)
}

// enable reads the parameter that says whether maintenance begins or ends. It has no
// default: a forgotten one must not take a service out of the answers.
func (r *request) enable() (bool, error) {
	if r.params.Get("enable") == "" {
		return false, fault.Field("enable", "missing: say ?enable=true or ?enable=false")
	}
	return r.boolean("enable")
}

// agentServices lists what is registered on this agent, by ID.
func (s *Server) agentServices(w http.ResponseWriter, r *request) error {
	f, err := r.filterFor(wireService{})
	if err != nil {
		return err
	}
	local := s.cfg.Agent.Local()
	return s.shared(w, r, r.cacheKey("agent/services"), local.Serial, len(local.Services), func() (any, error) {
		services := map[string]wireService{}
		for _, i := range local.Services {
			services[i.ID] = s.localService(i.Instance)
		}
		return kept(f, services)
	})
}

// agentService is one of them. Clients that send the hash of what they have wait
// until it is something else.
func (s *Server) agentService(w http.ResponseWriter, r *request) error {
	id, err := r.required("id", "service ID")
	if err != nil {
		return err
	}
	if hash := r.params.Get("hash"); hash != "" {
		if err := s.awaitService(r, id, hash); err != nil {
			return err
		}
	}
	found, err := s.hashedService(id)
	if err != nil {
		return err
	}
	w.Header().Set("X-Consul-Contenthash", found.ContentHash)
	return s.value(w, r, http.StatusOK, found)
}

// awaitService blocks while the instance is what the client knows by hash.
func (s *Server) awaitService(r *request, id, hash string) error {
	_, wait, err := r.blocking()
	if err != nil {
		return err
	}
	return s.block(r, wait, func() (bool, <-chan struct{}) {
		changed := s.cfg.Catalog.View().WatchHost(s.cfg.NodeName)
		found, err := s.hashedService(id)
		return err != nil || found.ContentHash != hash, changed
	})
}

// hashedService finds an instance on this agent and hashes what is shown of it.
func (s *Server) hashedService(id string) (wireService, error) {
	i, _, known := s.cfg.Agent.LocalService(id)
	if !known {
		return wireService{}, unknownService(id)
	}
	found := s.localService(i.Instance)
	text, err := json.Marshal(found)
	if err != nil {
		return wireService{}, err
	}
	h := fnv.New64a()
	_, _ = h.Write(text)
	found.ContentHash = strconv.FormatUint(h.Sum64(), 16)
	return found, nil
}

func (s *Server) localService(i *catalog.Instance) wireService {
	w := serviceOf(i)
	w.Datacenter = s.cfg.Datacenter
	return w
}

func unknownService(id string) error {
	return fault.New(fault.NotFound, "unknown service ID %q: it is not registered on this agent", id)
}
