package httpapi

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"time"

	"covey/catalog"
	"covey/internal/fault"
)

// indent lays a JSON body out for people.
func indent(body []byte) ([]byte, error) {
	var out bytes.Buffer
	if err := json.Indent(&out, body, "", "    "); err != nil {
		return nil, fault.New(fault.Internal, "indenting an answer: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// nodeOf is a host in Consul's shape.
func nodeOf(h *catalog.Host) wireNode {
	return wireNode{
		ID:              h.ID.String(),
		Node:            h.Name,
		Address:         h.Address,
		Datacenter:      h.Datacenter,
		TaggedAddresses: taggedAddresses(h.Node),
		Meta:            nonNilMap(h.Meta),
		CreateIndex:     h.CreateIndex,
		ModifyIndex:     h.ModifyIndex,
	}
}

// taggedAddresses are those the node gave itself, completed with the ones that every
// node is expected to have: lan and wan, and these for its address family.
func taggedAddresses(n *catalog.Node) map[string]string {
	family := "ipv4"
	if ip, err := netip.ParseAddr(n.Address); err == nil && ip.Is6() && !ip.Is4In6() {
		family = "ipv6"
	}
	m := map[string]string{
		"lan": n.Address, "lan_" + family: n.Address,
		"wan": n.Address, "wan_" + family: n.Address,
	}
	for name, address := range n.TaggedAddresses {
		m[name] = address
	}
	return m
}

// serviceOf is an instance in Consul's shape.
func serviceOf(i *catalog.Instance) wireService {
	return wireService{
		Kind:              i.Kind,
		ID:                i.ID,
		Service:           i.Service,
		Tags:              nonNil(i.Tags),
		Address:           i.Address,
		TaggedAddresses:   serviceAddresses(i.TaggedAddresses),
		Meta:              nonNilMap(i.Meta),
		Port:              i.Port,
		Weights:           wireWeights(i.Weights),
		EnableTagOverride: i.EnableTagOverride,
		blocks:            blocksOf(i.Extra),
	}
}

// endpointService is the same with its indexes in the catalogue.
func endpointService(e *catalog.Endpoint) wireService {
	s := serviceOf(e.Instance())
	s.CreateIndex, s.ModifyIndex = e.CreateIndex, e.ModifyIndex
	return s
}

func serviceAddresses(tagged map[string]catalog.ServiceAddress) map[string]wireAddress {
	if len(tagged) == 0 {
		return nil
	}
	m := make(map[string]wireAddress, len(tagged))
	for name, a := range tagged {
		m[name] = wireAddress(a)
	}
	return m
}

// blocksOf reads what came with the registration for clients. It may be from another
// host: what is no JSON object after all is left out, rather than spoil every answer
// that its instance is part of.
func blocksOf(extra json.RawMessage) blocks {
	var b blocks
	if len(extra) == 0 {
		return b
	}
	if err := json.Unmarshal(extra, &b); err != nil {
		return blocks{}
	}
	for _, block := range []*json.RawMessage{&b.Proxy, &b.Connect, &b.Locality} {
		if !bytes.HasPrefix(*block, []byte("{")) {
			*block = nil
		}
	}
	return b
}

// nodeChecks are the checks of a host: that of its liveness, which one without an agent
// has none of, then its own.
func nodeChecks(h *catalog.Host) []wireCheck {
	checks := make([]wireCheck, 0, len(h.Checks)+1)
	if h.Liveness != catalog.Outside {
		checks = append(checks, hostCheck(h, h.SerfCheck()))
	}
	for _, c := range h.Checks {
		checks = append(checks, hostCheck(h, c))
	}
	return checks
}

func hostCheck(h *catalog.Host, c catalog.Check) wireCheck {
	w := checkOf(h.Name, c)
	w.CreateIndex, w.ModifyIndex = h.CreateIndex, h.ModifyIndex
	return w
}

// serviceChecks appends the checks of one instance.
func serviceChecks(to []wireCheck, e *catalog.Endpoint) []wireCheck {
	for _, c := range e.Checks() {
		w := checkOf(e.Host.Name, c)
		w.ServiceID, w.ServiceName, w.ServiceTags = e.ID(), e.Service, nonNil(e.Tags)
		w.CreateIndex, w.ModifyIndex = e.CreateIndex, e.ModifyIndex
		to = append(to, w)
	}
	return to
}

func checkOf(node string, c catalog.Check) wireCheck {
	return wireCheck{
		Node:        node,
		CheckID:     c.ID,
		Name:        c.Name,
		Status:      c.Status.String(),
		Notes:       c.Notes,
		Output:      c.Output,
		ServiceTags: []string{},
		Type:        c.Type,
	}
}

// localCheckOf is a check of this agent, which knows how it is carried out.
func localCheckOf(node string, c *LocalCheck) wireCheck {
	w := checkOf(node, c.Check)
	w.ServiceID, w.ServiceName, w.ServiceTags = c.ServiceID, c.ServiceName, nonNil(c.ServiceTags)
	w.Interval, w.Timeout = duration(c.Definition.Interval), duration(c.Definition.Timeout)
	return w
}

func duration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
