package httpapi

import (
	"net/http"
	"strings"

	"covey/catalog"
	"covey/internal/fault"
)

// Role is what a token lets its bearer do. Each includes those before it.
type Role uint8

const (
	// NoRole is that of who shows no token where one is wanted.
	NoRole Role = iota
	// Read sees the catalogue, the agent's state and its metrics.
	Read
	// Register writes what is registered: services, checks, their statuses, external
	// nodes; it reports on instances and fires events.
	Register
	// Operate does all else: joining, leaving, maintenance of the node, reading the log.
	Operate
)

var roleNames = [...]string{"none", "read", "register", "operate"}

// String returns the role's name, as files of tokens have it.
func (r Role) String() string { return roleNames[r] }

func parseRole(name string) (Role, bool) {
	for i := Read; i <= Operate; i++ {
		if roleNames[i] == name {
			return i, true
		}
	}
	return NoRole, false
}

// registering are the writes that the role register may do, by the start of their path.
// All others want operate: what is added later is closed until it is listed here.
var registering = [...]string{
	"/v1/agent/service/",
	"/v1/agent/check/",
	"/v1/catalog/register",
	"/v1/catalog/deregister",
	"/v1/event/fire/",
	"/v1/covey/check/run/",
	"/v1/covey/report/",
}

// secret are the reads that show what is the operators' business.
var secret = [...]string{
	"/v1/agent/host",
	"/v1/agent/monitor",
}

// keyringPath has a rule of its own, see mayOperateKeys.
const keyringPath = "/v1/operator/keyring"

// roleFor is what a request to a path of the API wants.
func roleFor(method, path string) Role {
	list, found, otherwise := registering[:], Register, Operate
	switch {
	case path == keyringPath:
		return NoRole
	case method == http.MethodGet || method == http.MethodHead:
		list, found, otherwise = secret[:], Operate, Read
	case strings.HasPrefix(path, "/v1/kv/"):
		return Read // to be told that there is none
	}
	for _, start := range list {
		if strings.HasPrefix(path, start) {
			return found
		}
	}
	return otherwise
}

// mayEndMaintenance keeps the check by which an operator took the whole node out of the
// answers from who may deregister checks only.
func (s *Server) mayEndMaintenance(r *request, checkID string) error {
	if checkID == catalog.NodeMaintenance {
		return s.authorize(r, Operate)
	}
	return nil
}

// tokenOf returns the token that a request shows, "" for none. Consul's order: its clients
// send one of them, and old ones the first.
func tokenOf(r *request) string {
	if token := r.params.Get("token"); token != "" {
		return token
	}
	if token := r.Header.Get("X-Consul-Token"); token != "" {
		return token
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return ""
}

// authorize refuses a request whose token does not have the role. Without a file of tokens
// everyone has all of them. The words are those that Consul's clients look for.
func (s *Server) authorize(r *request, wants Role) error {
	return s.authorizeBy(s.judged.Load().tokens, r, wants)
}

func (s *Server) authorizeBy(tokens *Tokens, r *request, wants Role) error {
	if tokens == nil || wants == NoRole {
		return nil
	}
	token := tokenOf(r)
	has, known := tokens.role(token)
	if has >= wants {
		return nil
	}
	s.count.tokensRefused.Add(1)
	switch {
	case token == "":
		return fault.New(fault.Forbidden, "Permission denied: this wants a token with the role %v, sent as X-Consul-Token or Authorization: Bearer", wants)
	case !known:
		return fault.New(fault.Forbidden, "ACL not found: this agent does not know the token")
	default:
		return fault.New(fault.Forbidden, "Permission denied: this wants a token with the role %v, and this one has the role %v", wants, has)
	}
}
