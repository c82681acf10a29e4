package httpapi

import (
	"net/http"
	"strings"

	"covey/catalog"
)

// absent are parts of Consul's API that Covey has nothing for, and what it says.
var absent = [...]struct{ path, what string }{
	{"/v1/session/", "Covey has no sessions and no locks: it is a registry, and elects nobody"},
	{"/v1/txn", "Covey has no key/value store and no transactions"},
	{"/v1/acl/", "ACL support disabled: Covey has no ACL language; tokens have roles, which the agent's configuration gives them"},
	{"/v1/connect/", "Connect is disabled: Covey is no service mesh and issues no certificates"},
	{"/v1/agent/connect/", "Connect is disabled: Covey is no service mesh and issues no certificates"},
	{"/v1/config", "Covey has no config entries"},
	{"/v1/query", "Covey has no prepared queries"},
	{"/v1/operator/", "Covey has no servers and no Raft, so there is nothing to operate but the gossip keyring"},
	{"/v1/snapshot", "Covey has no central state to take a snapshot of"},
	{"/v1/agent/token/", "ACL support disabled: tokens are in the file that http_config.token_file names"},
	{"/v1/peering", "Covey has no cluster peering"},
	{"/v1/peerings", "Covey has no cluster peering"},
	{"/v1/exported-services", "Covey has no cluster peering"},
	{"/v1/imported-services", "Covey has no cluster peering"},
	{"/v1/namespace", "Covey has no namespaces"},
	{"/v1/namespaces", "Covey has no namespaces"},
	{"/v1/partition", "Covey has no admin partitions"},
	{"/v1/partitions", "Covey has no admin partitions"},
	{"/v1/discovery-chain", "Covey is no service mesh, and has no discovery chains"},
	{"/v1/internal", "Covey has no servers, and none of what is internal to Consul's"},
}

func (s *Server) absentRoutes(mux *http.ServeMux) {
	for _, a := range absent {
		h := s.observed(a.path, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { s.text(w, http.StatusNotImplemented, a.what) }))
		path := strings.TrimSuffix(a.path, "/")
		mux.Handle(path, h)
		mux.Handle(path+"/", h)
	}
	none := func(http.ResponseWriter, *request) error {
		return refuse(http.StatusNotImplemented, "Covey has no key/value store")
	}
	s.route(mux, "/v1/connect/ca/roots", methods{"GET": s.read(caRoots)})
	s.route(mux, "/v1/agent/connect/ca/roots", methods{"GET": s.read(caRoots)})
	for _, mesh := range []string{"/v1/catalog/connect/", "/v1/health/connect/", "/v1/health/ingress/", "/v1/catalog/gateway-services/"} {
		s.route(mux, mesh+"{name...}", methods{"GET": s.read(meshInstances)})
	}
	for _, list := range []string{"list", "node/{node...}", "info/{id...}"} {
		s.route(mux, "/v1/session/"+list, methods{"GET": s.read(sessions)})
	}
	s.route(mux, "/v1/kv/{key...}", methods{"GET": s.readKV, "PUT": none, "DELETE": none})
}

// emptyIndex is the index of what is always empty.
const emptyIndex = 1

// empty is a question whose answer never changes. Who waits for another waits, rather than
// ask again and again.
func empty(key string, body any) reading {
	return reading{
		key:   cacheKey(key),
		index: func(*catalog.View) uint64 { return emptyIndex },
		watch: func(*catalog.View) <-chan struct{} { return nil },
		body:  func(*catalog.View, *nearness) (any, error) { return body, nil },
	}
}

// wireRoots are the certificates of a mesh's authority.
type wireRoots struct {
	ActiveRootID string
	TrustDomain  string
	Roots        []struct{}
}

// caRoots are none: clients that ask, as Traefik and Envoy's do, go on without.
func caRoots(*request) (reading, error) {
	return empty("connect/ca/roots", wireRoots{Roots: []struct{}{}}), nil
}

// meshInstances are none: a proxy that is registered is a service like any other.
func meshInstances(*request) (reading, error) { return empty("connect", []struct{}{}), nil }

// sessions are none, wherever they are looked for.
func sessions(*request) (reading, error) { return empty("session", []struct{}{}), nil }

// readKV finds no key, as Consul's clients expect to be told it.
func (s *Server) readKV(w http.ResponseWriter, r *request) error {
	_, err := s.await(r, empty("kv", nil))
	if err != nil {
		return err
	}
	setReadHeaders(w, r, emptyIndex)
	return refuse(http.StatusNotFound, "there is no such key: Covey has no key/value store")
}
