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
	return s.value(w, r, http.StatusOK, s.cfg.Agent.Status().GossipAddr)
}

// statusPeers lists the gossip addresses of the living members.
func (s *Server) statusPeers(w http.ResponseWriter, r *request) error {
	if err := s.checkDatacenter(r); err != nil {
		return err
	}
	peers := []string{}
	for _, m := range s.cfg.Agent.Members() {
		if m.Status == "alive" {
			peers = append(peers, net.JoinHostPort(m.Addr, strconv.Itoa(int(m.Port))))
		}
	}
	return s.value(w, r, http.StatusOK, peers)
}
