package httpapi

import (
	"net"
	"net/http"
	"strconv"
)

// statusLeader names this agent. No leader is elected, and none is needed; clients ask
// to learn whether the cluster can serve, and this agent always can.
func (s *Server) statusLeader(w http.ResponseWriter, r *request) error {
	if err := s.checkDatacenter(r); err != nil {
		return err
	}
	return s.value(w, r, http.StatusOK, s.self().GossipAddr)
}

// statusPeers lists the gossip addresses of the living members.
func (s *Server) statusPeers(w http.ResponseWriter, r *request) error {
	if err := s.checkDatacenter(r); err != nil {
		return err
	}
	known := s.cfg.Agent.Members()
	return s.shared(w, r, cacheKey("status/peers"), known.Serial, len(known.List), func() (any, error) {
		peers := []string{}
		for i := range known.List {
			if m := &known.List[i]; m.Status == "alive" {
				peers = append(peers, net.JoinHostPort(m.Addr, strconv.Itoa(int(m.Port))))
			}
		}
		return peers, nil
	})
}
