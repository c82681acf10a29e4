package httpapi

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// handler answers a request or returns the error that does.
type handler func(http.ResponseWriter, *request) error

// methods are the handlers of one path. They are not patterns of the mux's own,
// because there "GET /v1/agent/service/{id...}" would take what only a PUT may be sent
// to, /v1/agent/service/register, for a service of that name.
type methods map[string]handler

// routes is the table of all paths. IDs may hold slashes, which clients send as they
// are, so wildcards reach to the end.
func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	get := func(pattern string, h handler) { s.route(mux, pattern, methods{"GET": h}) }
	put := func(pattern string, h handler) { s.route(mux, pattern, methods{"PUT": h}) }

	put("/v1/agent/service/register", s.registerService)
	put("/v1/agent/service/deregister/{id...}", s.deregisterService)
	put("/v1/agent/service/maintenance/{id...}", s.serviceMaintenance)
	get("/v1/agent/services", s.agentServices)
	get("/v1/agent/service/{id...}", s.agentService)
	get("/v1/agent/health/service/name/{name...}", s.agentHealthByName)
	get("/v1/agent/health/service/id/{id...}", s.agentHealthByID)

	put("/v1/agent/check/register", s.registerCheck)
	put("/v1/agent/check/deregister/{id...}", s.deregisterCheck)
	put("/v1/agent/check/update/{id...}", s.updateCheck)
	put("/v1/agent/check/pass/{id...}", s.passCheck)
	put("/v1/agent/check/warn/{id...}", s.warnCheck)
	put("/v1/agent/check/fail/{id...}", s.failCheck)
	get("/v1/agent/checks", s.agentChecks)

	get("/v1/agent/self", s.agentSelf)
	get("/v1/agent/host", s.agentHost)
	get("/v1/agent/monitor", s.agentMonitor)
	get("/v1/agent/members", s.agentMembers)
	get("/v1/agent/metrics", s.agentMetrics)
	get("/metrics", s.prometheus)
	put("/v1/agent/join/{addr...}", s.join)
	put("/v1/agent/leave", s.leave)
	put("/v1/agent/force-leave/{node...}", s.forceLeave)
	put("/v1/agent/reload", s.reload)
	put("/v1/agent/maintenance", s.nodeMaintenance)

	put("/v1/catalog/register", s.catalogRegister)
	put("/v1/catalog/deregister", s.catalogDeregister)
	get("/v1/catalog/datacenters", s.catalogDatacenters)
	get("/v1/catalog/nodes", s.read(s.catalogNodes))
	get("/v1/catalog/node/{node...}", s.read(s.catalogNode))
	get("/v1/catalog/node-services/{node...}", s.read(s.catalogNodeServices))
	get("/v1/catalog/services", s.read(s.catalogServices))
	get("/v1/catalog/service/{name...}", s.read(s.catalogService))

	get("/v1/health/service/{name...}", s.read(s.healthService))
	get("/v1/health/node/{node...}", s.read(s.healthNode))
	get("/v1/health/checks/{name...}", s.read(s.healthChecks))
	get("/v1/health/state/{state...}", s.read(s.healthState))

	put("/v1/event/fire/{name...}", s.fireEvent)
	get("/v1/event/list", s.listEvents)

	get("/v1/coordinate/datacenters", s.coordinateDatacenters)
	get("/v1/coordinate/nodes", s.coordinateNodes)
	get("/v1/coordinate/node/{node...}", s.coordinateNode)
	put("/v1/coordinate/update", s.coordinateUpdate)

	s.route(mux, keyringPath, methods{
		"GET": s.keyring, "POST": s.changeKey("install"), "PUT": s.changeKey("use"), "DELETE": s.changeKey("remove"),
	})

	get("/v1/status/leader", s.statusLeader)
	get("/v1/status/peers", s.statusPeers)

	get("/v1/covey/status", s.coveyStatus)
	put("/v1/covey/drain", s.coveyDrain)
	put("/v1/covey/report/{service}/{id...}", s.coveyReport)
	get("/v1/covey/checks", s.coveyChecks)
	put("/v1/covey/check/run/{id...}", s.coveyRunCheck)
	get("/v1/covey/timeline", s.coveyTimeline)
	get("/v1/covey/stream", s.coveyStream)
	get("/v1/covey/openapi.json", s.coveyOpenAPI)
	get("/v1/covey/lookup/{name...}", s.coveyLookup)

	s.absentRoutes(mux)
	mux.Handle("/", s.observed(otherLabel, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.text(w, http.StatusNotFound, "there is no such path; Covey serves Consul's discovery API under /v1/agent, /v1/catalog, /v1/health and /v1/status")
	})))
	return mux
}

// route is one path of the API and the methods it has.
type route struct {
	path    string // with {name} for what varies
	methods []string
}

// route adds a path to the API, and to the list that metrics and the description rest on.
func (s *Server) route(mux *http.ServeMux, pattern string, m methods) {
	r := route{path: strings.ReplaceAll(pattern, "...}", "}"), methods: slices.Sorted(maps.Keys(m))}
	s.table = append(s.table, r)
	h := s.observed(r.path, s.dispatch(r.path, m))
	mux.Handle(pattern, h)
	if strings.HasSuffix(pattern, "...}") {
		mux.Handle(pattern[:strings.LastIndexByte(pattern, '/')], h) // the mux would redirect to a page of its own
	}
}

// dispatch picks the handler of the request's method; HEAD is GET's.
func (s *Server) dispatch(path string, m methods) http.Handler {
	allow := slices.Sorted(maps.Keys(m))
	if m[http.MethodGet] != nil {
		allow = append(allow, http.MethodHead)
		m[http.MethodHead] = m[http.MethodGet]
	}
	allowed := strings.Join(allow, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := m[r.Method]
		if h == nil {
			w.Header().Set("Allow", allowed)
			s.text(w, http.StatusMethodNotAllowed, "method "+r.Method+" is not allowed here, only "+allowed)
			return
		}
		q, err := newRequest(w, r)
		if err == nil {
			q.wants = roleFor(r.Method, path)
			err = s.authorize(q, q.wants)
		}
		if err == nil {
			err = h(w, q)
			if x, ok := w.(*exchange); ok {
				x.blocked = q.blocked
			}
		}
		if err != nil && err != errParked {
			s.fail(w, r, err)
		}
	})
}
