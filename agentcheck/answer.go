package agentcheck

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"covey/catalog"
	"covey/lb"
)

// remark is an answer that changes nothing.
const remark = "# send SERVICE/ID or SERVICE/ID@NODE, and a newline (agent-send)"

// answer is what is said of the instance that a question names.
func (s *Server) answer(question string, now time.Time) string {
	name, id, ok := strings.Cut(question, "/")
	if !ok || name == "" || id == "" {
		return remark
	}
	v := s.cfg.Catalog.View()
	service := v.Service(name)
	if service == nil {
		return down("there is no such service")
	}
	e, several := s.find(service, id)
	switch {
	case several:
		return down("several nodes have that ID: ask for SERVICE/ID@NODE")
	case e == nil:
		return down("the service has no such instance")
	}
	if mode := maintenance(e); mode != "" {
		return "up " + mode
	}
	if e.Host.Liveness == catalog.Failed {
		return s.ofFailedHost(service.Name, e)
	}
	is := s.cfg.Balancer.Balance(v, lb.Ask{Query: lb.Query{Service: service.Name}, Now: now, Explain: true})
	return ofChosen(&is, e)
}

// ofChosen is what is said of an instance by what is made of its service. Those of a later
// level are to have nothing while there is an earlier one.
func ofChosen(is *lb.Balanced, e *catalog.Endpoint) string {
	first := uint16(math.MaxUint16)
	for i := range is.Chosen {
		first = min(first, is.Chosen[i].Level)
	}
	for i := range is.Chosen {
		switch c := &is.Chosen[i]; {
		case c.Endpoint == e && c.Level > first:
			return "up ready 0% " + description("others come first")
		case c.Endpoint == e:
			return upWith(c.Weight, e)
		}
	}
	why := "it is not answered"
	for _, o := range is.LeftOut {
		if o.Endpoint == e {
			why = o.Reason
		}
	}
	if e.Status() == catalog.Critical {
		return down(why)
	}
	return "up ready 0% " + description(why)
}

// find returns the instance of that ID, which may end in @ and the name of its node; if
// several nodes have one, this node's.
func (s *Server) find(service *catalog.Service, id string) (found *catalog.Endpoint, several bool) {
	for e := range service.All() {
		switch {
		case e.ID() != id:
		case strings.EqualFold(e.Host.Name, s.cfg.NodeName):
			return e, false
		default:
			several = found != nil
			found = e
		}
	}
	at := strings.LastIndexByte(id, '@')
	if found != nil || at < 0 {
		return found, several
	}
	for e := range service.All() {
		if e.ID() == id[:at] && strings.EqualFold(e.Host.Name, id[at+1:]) {
			return e, false
		}
	}
	return nil, false
}

// maintenance is the administrative word for the instance, "" if it is in no maintenance and
// does not drain by its own word, or fails besides. Who drains keeps the connections there
// are, which is what `covey drain` waits for.
func maintenance(e *catalog.Endpoint) string {
	maintains := func(c catalog.Check) bool { return c.Maintains() && c.Status == catalog.Critical }
	drains, fails := false, false
	for _, c := range slices.Concat(e.Checks(), e.Host.Checks) {
		drains = drains || c.Decided()
		fails = fails || c.Status == catalog.Critical && !c.Decided()
	}
	switch {
	case slices.ContainsFunc(e.Checks(), maintains):
		return "maint"
	case slices.ContainsFunc(e.Host.Checks, maintains), drains && !fails && e.Host.Liveness.Up():
		return "drain"
	}
	return ""
}

// ofFailedHost is down, unless DNS answers it as last known, being cut off itself.
func (s *Server) ofFailedHost(service string, e *catalog.Endpoint) string {
	if l, err := s.cfg.Lookup(service, nil, "SRV"); err == nil && l.Stale {
		for _, a := range l.Answers {
			if a.ID == e.ID() && a.Node == e.Host.Name {
				return upWith(float64(e.Weights.For(e.Reported())), e) + " #last known: this host is cut off"
			}
		}
	}
	return down("host failed")
}

// upWith is a weight in percent of the registered one. What has any has 1 % at least.
func upWith(weight float64, e *catalog.Endpoint) string {
	percent := 0.
	if whole := float64(e.Weights.For(catalog.Passing)); whole > 0 && weight > 0 {
		percent = max(1, math.Round(100*weight/whole))
	}
	return "up ready " + strconv.Itoa(int(min(percent, mostPercent))) + "%"
}

// mostPercent is what HAProxy takes: 256 times as much.
const mostPercent = 25_600

func down(why string) string { return "down ready " + description(why) }

// description makes one word group that HAProxy shows and nobody reads as words.
func description(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "")
	}
	return "#" + text
}
