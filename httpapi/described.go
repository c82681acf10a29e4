package httpapi

import "covey/lb"

// operation is what a method of a path does, for its readers.
type operation struct {
	does  string
	query string // names of parameters, see parameters
	body  string // what it is, "" for none
	reply any    // a value of the type that is answered as JSON; a string is the type of another body
}

// Names of parameters that come together.
const (
	asRead   = " dc index wait stale consistent cached pretty"
	asList   = asRead + " filter"
	asListed = asList + " near node-meta"
)

const (
	plainText   = "text/plain"
	eventStream = "text/event-stream"
)

// parameters are all that the query may hold, and what they mean. token, ns and the like
// are about every path.
var parameters = map[string]string{
	"dc":                      "the datacenter; any but the agent's own is refused",
	"index":                   "wait for an index above this one: that of X-Consul-Index",
	"wait":                    "how long to wait, such as 30s; 5m without it, 10m at most, and up to a sixteenth more",
	"stale":                   "accepted: every read is from this agent's own view",
	"consistent":              "accepted likewise, but not with stale or cached",
	"cached":                  "accepted; the answer has X-Cache and Age",
	"pretty":                  "indent the answer",
	"filter":                  "a go-bexpr expression over the fields of the answer",
	"near":                    "a node, or _agent: order by round-trip time from there",
	"node-meta":               "key:value that the node's metadata must hold; may be repeated",
	"tag":                     "a tag that instances must have; may be repeated",
	"passing":                 "only instances of which all checks pass",
	"replace-existing-checks": "remove the service's checks that the body does not name",
	"note":                    "what to say with the status",
	"enable":                  "true or false",
	"reason":                  "why, for people",
	"format":                  "another format than JSON: text, or for metrics prometheus",
	"hash":                    "wait until ContentHash is another",
	"wan":                     "accepted: there is no WAN pool",
	"segment":                 "accepted if empty or _all: there are no segments",
	"prune":                   "forget the node entirely",
	"loglevel":                "the least level: trace, debug, info, warn or error",
	"logjson":                 "lines of JSON",
	"name":                    "only events of that name",
	"node":                    "a regular expression, or for a report the node's name",
	"service":                 "a service; for the stream it may be repeated",
	"type":                    "type of the DNS question: SRV, A, AAAA, ...",
	"result":                  "ok or failed",
	"recurse":                 "accepted: there are no keys",
}

const (
	aService  = "a service: Name, ID, Tags, Address, Port, Meta, Weights, Check, Checks and more, as Consul has it"
	aCheck    = "a check: Name, ID, ServiceID and one of HTTP, TCP, UDP, GRPC, H2PING, TTL and more, as Consul has it, or Hold, Process and AgentCheck"
	external  = "a node, and a service or checks on it, as Consul has it"
	aStatus   = "Status and Output of a TTL check, and Load: Rate, Utilisation, Queue and Share of its service's instance"
	aKey      = `{"Key": "..."}, a gossip key in base64`
	nothingAt = "Answers that there is none: "
)

// described is every operation there is. A test holds it to the routes.
var described = map[string]operation{
	"PUT /v1/agent/service/register":           {"Registers a service on this agent, or replaces it; it is on disk when this answers.", "replace-existing-checks", aService, nil},
	"PUT /v1/agent/service/deregister/{id}":    {"Removes a service of this agent and its checks.", "", "", nil},
	"PUT /v1/agent/service/maintenance/{id}":   {"Takes a service out of all answers, or back in.", "enable reason", "", nil},
	"GET /v1/agent/services":                   {"The services of this agent, by ID.", "filter pretty", "", map[string]wireService{}},
	"GET /v1/agent/service/{id}":               {"One of them; with hash it waits for a change.", "hash wait pretty", "", wireService{}},
	"GET /v1/agent/health/service/name/{name}": {"How the instances of a service on this agent are: 200 passing, 429 warning, 503 critical, 404 none.", "format pretty", "", []wireServiceHealth{}},
	"GET /v1/agent/health/service/id/{id}":     {"The same of one instance.", "format pretty", "", wireServiceHealth{}},
	"PUT /v1/agent/check/register":             {"Registers a check of a service or of the node.", "", aCheck, nil},
	"PUT /v1/agent/check/deregister/{id}":      {"Removes a check.", "", "", nil},
	"PUT /v1/agent/check/update/{id}":          {"Sets the status of a TTL check.", "", aStatus, nil},
	"PUT /v1/agent/check/pass/{id}":            {"Sets a TTL check to passing.", "note", "", nil},
	"PUT /v1/agent/check/warn/{id}":            {"Sets a TTL check to warning.", "note", "", nil},
	"PUT /v1/agent/check/fail/{id}":            {"Sets a TTL check to critical.", "note", "", nil},
	"GET /v1/agent/checks":                     {"The checks of this agent, by ID.", "filter pretty", "", map[string]wireCheck{}},
	"GET /v1/agent/self":                       {"This agent: its configuration, what it is called among the members, its metadata.", "pretty", "", map[string]any{}},
	"GET /v1/agent/host":                       {"The host that this agent runs on.", "pretty", "", map[string]any{}},
	"GET /v1/agent/monitor":                    {"What the agent logs from now on, line by line, without end.", "loglevel logjson", "", plainText},
	"GET /v1/agent/members":                    {"The members of the cluster.", "wan segment pretty", "", []wireMember{}},
	"GET /v1/agent/metrics":                    {"The metrics, in Consul's form or in Prometheus's.", "format pretty", "", wireMetrics{}},
	"GET /metrics":                             {"The metrics in the form that Prometheus reads.", "", "", plainText},
	"PUT /v1/agent/join/{addr}":                {"Joins the cluster of another agent.", "wan", "", struct{ Joined int }{}},
	"PUT /v1/agent/leave":                      {"Leaves the cluster and stops the agent.", "", "", nil},
	"PUT /v1/agent/force-leave/{node}":         {"Declares a failed node gone.", "prune", "", nil},
	"PUT /v1/agent/reload":                     {"Reads configuration, tokens and certificates again.", "", "", nil},
	"PUT /v1/agent/maintenance":                {"Takes all services of this node out of all answers, or back in.", "enable reason", "", nil},
	"GET /v1/catalog/datacenters":              {"The one datacenter there is.", "pretty", "", []string{}},
	"PUT /v1/catalog/register":                 {"Registers a node that runs no agent, and what is on it.", "", external, true},
	"PUT /v1/catalog/deregister":               {"Removes such a node, or a service or check of one.", "", external, true},
	"GET /v1/catalog/nodes":                    {"The nodes.", asListed, "", []wireNode{}},
	"GET /v1/catalog/node/{node}":              {"A node and its services by ID, null if it is unknown.", asList, "", wireNodeServices{}},
	"GET /v1/catalog/node-services/{node}":     {"A node and its services as a list, null if it is unknown.", asList, "", wireNodeServiceList{}},
	"GET /v1/catalog/services":                 {"The names of services and their tags.", asList + " node-meta", "", map[string][]string{}},
	"GET /v1/catalog/service/{name}":           {"The instances of a service, whatever their health.", asListed + " tag", "", []wireCatalogService{}},
	"GET /v1/catalog/connect/{name}":           {nothingAt + "Covey is no service mesh.", asRead, "", []wireCatalogService{}},
	"GET /v1/catalog/gateway-services/{name}":  {nothingAt + "Covey is no service mesh.", asRead, "", []wireCatalogService{}},
	"GET /v1/health/service/{name}":            {"The instances of a service with their node and checks.", asListed + " tag passing", "", []wireEntry{}},
	"GET /v1/health/connect/{name}":            {nothingAt + "Covey is no service mesh.", asRead, "", []wireEntry{}},
	"GET /v1/health/ingress/{name}":            {nothingAt + "Covey is no service mesh.", asRead, "", []wireEntry{}},
	"GET /v1/health/node/{node}":               {"The checks of a node and of what runs on it.", asList, "", []wireCheck{}},
	"GET /v1/health/checks/{name}":             {"The checks of a service.", asListed, "", []wireCheck{}},
	"GET /v1/health/state/{state}":             {"The checks that stand so: any, passing, warning or critical.", asListed, "", []wireCheck{}},
	"PUT /v1/event/fire/{name}":                {"Tells all agents of an event; the body, up to some hundred bytes, goes with it.", "node service tag dc", "any bytes", Event{}},
	"GET /v1/event/list":                       {"The events that this agent has heard of.", "name index wait pretty", "", []Event{}},
	"GET /v1/coordinate/datacenters":           {"Where the servers of datacenters are: none, there are no servers.", "pretty", "", []wireCoordinateMap{}},
	"GET /v1/coordinate/nodes":                 {"Where nodes are by the round-trip times between them.", asRead + " segment", "", []wireCoordinate{}},
	"GET /v1/coordinate/node/{node}":           {"The same of one node.", asRead + " segment", "", []wireCoordinate{}},
	"PUT /v1/coordinate/update":                {"Is refused: agents measure by themselves.", "", "", nil},
	"GET /v1/operator/keyring":                 {"The gossip keys that agents have; for those who show one of them, or a token that may operate.", "", "", []wireKeyring{}},
	"POST /v1/operator/keyring":                {"Has all agents accept a gossip key.", "", aKey, nil},
	"PUT /v1/operator/keyring":                 {"Has all agents seal with a gossip key.", "", aKey, nil},
	"DELETE /v1/operator/keyring":              {"Has all agents accept a gossip key no more.", "", aKey, nil},
	"GET /v1/status/leader":                    {"This agent's gossip address: there is no leader, and this agent can always serve.", "dc pretty", "", ""},
	"GET /v1/status/peers":                     {"The gossip addresses of the living members.", "dc pretty", "", []string{}},
	"GET /v1/connect/ca/roots":                 {nothingAt + "Covey issues no certificates.", asRead, "", wireRoots{}},
	"GET /v1/agent/connect/ca/roots":           {nothingAt + "Covey issues no certificates.", asRead, "", wireRoots{}},
	"GET /v1/session/list":                     {nothingAt + "Covey has no sessions.", asRead, "", []struct{}{}},
	"GET /v1/session/node/{node}":              {nothingAt + "Covey has no sessions.", asRead, "", []struct{}{}},
	"GET /v1/session/info/{id}":                {nothingAt + "Covey has no sessions.", asRead, "", []struct{}{}},
	"GET /v1/kv/{key}":                         {"Answers 404 with an index, and waits: Covey has no keys.", asRead + " recurse", "", plainText},
	"PUT /v1/kv/{key}":                         {"Is refused with 501: Covey has no keys.", "", "", nil},
	"DELETE /v1/kv/{key}":                      {"Is refused with 501: Covey has no keys.", "", "", nil},
	"GET /v1/covey/status":                     {"What the agent says of itself, with its counters.", "pretty", "", Status{}},
	"PUT /v1/covey/drain":                      {"Takes this host out of all answers until its agent is started again.", "reason", "", struct{ Keep string }{}},
	"PUT /v1/covey/report/{service}/{id}":      {"Takes what a caller met at an instance.", "node result", "", outcome{}},
	"GET /v1/covey/checks":                     {"The checks of this agent and how their runs come along.", "pretty", "", []CheckRun{}},
	"PUT /v1/covey/check/run/{id}":             {"Runs a check at once.", "", "", CheckRun{}},
	"GET /v1/covey/timeline":                   {"How instances changed lately, as this agent saw it.", "service pretty", "", []Transition{}},
	"GET /v1/covey/lookup/{name}":              {"What DNS answers to a name, and whom it leaves out and why.", "type tag pretty", "", lb.Lookup{}},
	"GET /v1/covey/stream":                     {"Server-sent events of what changes: hello, node-joined, node-left, node-status, registered, deregistered, modified, health, and last lost or refused. It resumes after the event whose ID is in the header Last-Event-ID, or in index.", "service index dc", "", eventStream},
	"GET /v1/covey/openapi.json":               {"This description.", "pretty", "", map[string]any{}},
}
