package httpapi

import (
	"encoding/json"
	"net/http"

	"covey/internal/fault"
)

// wireKeyring is Consul's.
type wireKeyring struct {
	WAN         bool
	Datacenter  string
	Segment     string
	Messages    map[string]string `json:",omitempty"`
	Keys        map[string]int
	PrimaryKeys map[string]int
	NumNodes    int
}

// mayOperateKeys lets in who shows a gossip key that this agent has, or a token with the
// role operate. Where there are no tokens everyone on the host may use the API; but who has
// a key can state anything about any host, so keys are neither told nor taken from those
// who have none.
func (s *Server) mayOperateKeys(r *request) error {
	key := tokenOf(r)
	if tokens := s.judged.Load().tokens; tokens != nil && key != "" {
		if role, _ := tokens.role(key); role >= Operate {
			return nil
		}
	}
	if key == "" || !s.cfg.Agent.HasKey(key) {
		s.count.tokensRefused.Add(1)
		return fault.New(fault.Forbidden, "the keyring is for those who have a gossip key: send one that this agent has as the token "+
			"(X-Consul-Token or Authorization: Bearer)")
	}
	return nil
}

func (s *Server) keyring(w http.ResponseWriter, r *request) error {
	if err := s.mayOperateKeys(r); err != nil {
		return err
	}
	k, err := s.cfg.Agent.Keyring(r.Context())
	if err != nil {
		return err
	}
	return s.value(w, r, http.StatusOK, []wireKeyring{{
		Datacenter: s.cfg.Datacenter, Messages: k.Messages,
		Keys: nonNilMap(k.Keys), PrimaryKeys: nonNilMap(k.Primary), NumNodes: k.Nodes,
	}})
}

// changeKey answers once all agents have done it.
func (s *Server) changeKey(change string) handler {
	return func(w http.ResponseWriter, r *request) error {
		if err := s.mayOperateKeys(r); err != nil {
			return err
		}
		body, err := readBody(w, r)
		if err != nil {
			return err
		}
		var asked struct{ Key string }
		if err := json.Unmarshal(body, &asked); err != nil {
			return fault.New(fault.Invalid, "the body is not {\"Key\": \"...\"}: %w", err)
		}
		if _, err := s.cfg.Agent.ChangeKey(r.Context(), change, asked.Key); err != nil {
			return err
		}
		return s.done(w)
	}
}
