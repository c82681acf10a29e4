package httpapi

import (
	"net/http"

	"covey/catalog"
	"covey/catalog/definition"
	"covey/catalog/definition/strict"
	"covey/internal/fault"
)

func (s *Server) registerCheck(w http.ResponseWriter, r *request) error {
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	def, err := definition.CheckFromJSON(body)
	if err != nil {
		return err
	}
	if err := s.cfg.Agent.RegisterCheck(r.Context(), def); err != nil {
		return err
	}
	return s.done(w)
}

func (s *Server) deregisterCheck(w http.ResponseWriter, r *request) error {
	id, err := r.required("id", "check ID")
	if err == nil {
		err = s.mayEndMaintenance(r, id)
	}
	if err != nil {
		return err
	}
	if err := s.cfg.Agent.DeregisterCheck(r.Context(), id); err != nil {
		return err
	}
	return s.done(w)
}

// ttlUpdate is the body of agent/check/update.
type ttlUpdate struct {
	status catalog.Status
	output string
	load   *catalog.Reading // nil if it says nothing of it
}

var ttlUpdateKeys = strict.NewTable(
	strict.Key[ttlUpdate]{Name: "Status", Read: func(u *ttlUpdate, v strict.Value) {
		var word string
		if v.Text(&word) {
			status, err := catalog.ParseStatus(word)
			v.Check(err)
			u.status = status
		}
	}},
	strict.Key[ttlUpdate]{Name: "Output", Read: func(u *ttlUpdate, v strict.Value) { v.Text(&u.output) }},
	strict.Key[ttlUpdate]{Name: "Load", Read: func(u *ttlUpdate, v strict.Value) {
		if object, ok := v.Object(); ok && v.Given() {
			u.load = &catalog.Reading{}
			readingKeys.Read(object, u.load)
			v.Check(u.load.Check())
		}
	}},
)

var readingKeys = strict.NewTable(
	readingKey("Rate", func(r *catalog.Reading) *float64 { return &r.Rate }),
	readingKey("Utilisation", func(r *catalog.Reading) *float64 { return &r.Utilisation }),
	readingKey("Queue", func(r *catalog.Reading) *float64 { return &r.Queue }),
	readingKey("Share", func(r *catalog.Reading) *float64 { return &r.Share }),
)

func readingKey(name string, field func(*catalog.Reading) *float64) strict.Key[catalog.Reading] {
	return strict.Key[catalog.Reading]{Name: name, Read: func(r *catalog.Reading, v strict.Value) { v.Float(field(r)) }}
}

// updateCheck takes the state of a TTL check from the body.
func (s *Server) updateCheck(w http.ResponseWriter, r *request) error {
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	values, err := strict.ParseJSON(body)
	if err != nil {
		return err
	}
	var (
		update ttlUpdate
		faults fault.List
		object = strict.NewObject("", values, &faults)
	)
	ttlUpdateKeys.Read(object, &update)
	if !object.Has("Status") {
		object.Fault("Status", "must be given: passing, warning or critical")
	}
	if err := faults.Err(); err != nil {
		return err
	}
	return s.updateTTL(w, r, &update)
}

func (s *Server) passCheck(w http.ResponseWriter, r *request) error {
	return s.updateTTL(w, r, &ttlUpdate{status: catalog.Passing, output: r.params.Get("note")})
}

func (s *Server) warnCheck(w http.ResponseWriter, r *request) error {
	return s.updateTTL(w, r, &ttlUpdate{status: catalog.Warning, output: r.params.Get("note")})
}

func (s *Server) failCheck(w http.ResponseWriter, r *request) error {
	return s.updateTTL(w, r, &ttlUpdate{status: catalog.Critical, output: r.params.Get("note")})
}

func (s *Server) updateTTL(w http.ResponseWriter, r *request, update *ttlUpdate) error {
	id, err := r.required("id", "check ID")
	if err != nil {
		return err
	}
	if err := s.cfg.Agent.UpdateTTL(r.Context(), id, update.status, update.output, update.load); err != nil {
		return err
	}
	return s.done(w)
}

// agentChecks lists the checks on this agent, of its node and its services, by ID.
func (s *Server) agentChecks(w http.ResponseWriter, r *request) error {
	f, err := r.filterFor(wireCheck{})
	if err != nil {
		return err
	}
	local := s.cfg.Agent.Local()
	return s.shared(w, r, r.cacheKey("agent/checks"), local.Serial, len(local.Checks), func() (any, error) {
		checks := map[string]wireCheck{}
		for i := range local.Checks {
			c := &local.Checks[i]
			checks[c.ID] = localCheckOf(s.cfg.NodeName, c)
		}
		return kept(f, checks)
	})
}
