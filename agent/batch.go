package agent

import (
	"reflect"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
	"covey/health"
	"covey/internal/fault"
)

// batch is a set of changes to the registry that are written with one sync. Each is
// made at once, so that later ones see it, and can be taken back until then.
type batch struct {
	*registry
	now     time.Time
	records [][]byte
	durable bool     // some record must be on disk before its request is answered
	undo    []func() // in the order the changes were made

	touched  map[string]struct{}     // services, by ID, and "" for the node: to be published
	quiet    map[string]struct{}     // likewise, but only this agent needs to know for now
	external map[string]struct{}     // keys of what is stated of external nodes: to be published
	monitor  []func(*health.Monitor) // what to tell health once all is written
}

func newBatch(r *registry, now time.Time) *batch {
	return &batch{registry: r, now: now, touched: map[string]struct{}{}, quiet: map[string]struct{}{}, external: map[string]struct{}{}}
}

// mark is a point to go back to.
type mark struct{ undo, records, monitor int }

func (b *batch) mark() mark { return mark{len(b.undo), len(b.records), len(b.monitor)} }

// back takes back what was done since m. What it touched stays marked so: rendering
// it again changes nothing.
func (b *batch) back(m mark) {
	for i := len(b.undo) - 1; i >= m.undo; i-- {
		b.undo[i]()
	}
	b.undo, b.records, b.monitor = b.undo[:m.undo], b.records[:m.records], b.monitor[:m.monitor]
}

func (b *batch) write(r record) {
	b.records = append(b.records, r.encode())
}

func (b *batch) setService(id string, s *service) {
	was, ok := b.services[id]
	b.undo = append(b.undo, func() {
		if ok {
			b.services[id] = was
		} else {
			delete(b.services, id)
		}
	})
	if s == nil {
		delete(b.services, id)
	} else {
		b.services[id] = s
	}
	b.touched[id] = struct{}{}
}

// setCheck replaces a check, or with nil removes one that is there.
func (b *batch) setCheck(id string, c *check) {
	was := b.checks[id]
	b.undo = append(b.undo, func() { b.put(id, was) })
	b.put(id, c)
	if c == nil {
		b.touched[was.serviceID] = struct{}{}
		return
	}
	if was != nil && was.state.Status == c.state.Status && was.state.Withdrawn == c.state.Withdrawn && b.now.Sub(c.shown) < outputQuiet {
		b.quiet[c.serviceID] = struct{}{}
		return
	}
	c.shown = b.now
	b.touched[c.serviceID] = struct{}{}
}

// outputQuiet is how long a check's output alone is kept from the other hosts after
// it was last told them. A status is always told at once.
const outputQuiet = time.Minute

// registerService adds or replaces a service with the checks it names. Checks that it
// has already keep their state; with replaceChecks those it does not name go. What is
// registered already, just so, costs nothing.
func (b *batch) registerService(d definition.Service, replaceChecks, fromFile bool) error {
	checks := d.Checks
	d.Checks = nil
	was := b.services[d.ID]
	if was == nil || was.fromFile != fromFile || !reflect.DeepEqual(was.definition, d) {
		b.setService(d.ID, &service{definition: d, fromFile: fromFile})
		if !fromFile {
			b.write(record{Service: &serviceRecord{d}})
			b.durable = true
		}
	}
	named := map[string]bool{}
	for i := range checks {
		c := checks[i]
		c.ServiceID = d.ID
		named[c.ID] = true
		if err := b.takeCheck(c, fromFile); err != nil {
			return err
		}
	}
	if replaceChecks {
		for _, c := range b.checksOf(d.ID) {
			if !named[c.state.ID] && c.definition.Kind() != "" { // maintenance stays
				b.removeCheck(c.state.ID)
			}
		}
	}
	return b.shareable(d.ID)
}

func (b *batch) deregisterService(id string) error {
	s := b.services[id]
	if s == nil {
		return fault.New(fault.NotFound, "no service %q is registered on this agent; covey services lists names, /v1/agent/services IDs", id)
	}
	b.write(record{NoService: id})
	b.durable = true
	for _, c := range b.checksOf(id) {
		b.setCheck(c.state.ID, nil)
		b.forget(c.state.ID)
	}
	b.setService(id, nil)
	return nil
}

// registerCheck adds or replaces a check. One that was there keeps its state.
func (b *batch) registerCheck(d definition.Check, fromFile bool) error {
	if err := b.takeCheck(d, fromFile); err != nil {
		return err
	}
	return b.shareable(d.ServiceID)
}

// takeCheck does so without a look at what it makes of the record that it goes into.
func (b *batch) takeCheck(d definition.Check, fromFile bool) error {
	if d.ServiceID != "" && b.services[d.ServiceID] == nil {
		return fault.Field("ServiceID", "no service %q is registered on this agent", d.ServiceID)
	}
	if d.Runs() && !fromFile {
		return fault.Field("Args", "%s", definition.NoPrograms)
	}
	was := b.checks[d.ID]
	if was != nil && was.serviceID != d.ServiceID {
		return fault.New(fault.Conflict, "check %q belongs to %s already; give this one another ID", d.ID, whose(was.serviceID))
	}
	if was != nil && was.fromFile == fromFile && reflect.DeepEqual(*was.definition, d) {
		return nil
	}
	c := &check{definition: &d, state: d.State(), serviceID: d.ServiceID, changed: b.now, since: b.now, fromFile: fromFile}
	if was != nil {
		c.take(checkState{was.state.Status, was.state.Output, was.state.Withdrawn, was.since})
		c.changed = was.changed
	} else if s, ok := b.statuses[d.ID]; ok && fromFile {
		c.take(s)
	}
	b.setCheck(d.ID, c)
	b.touched[c.serviceID] = struct{}{}
	if !fromFile {
		b.write(record{Check: &checkRecord{d, c.state, c.serviceID, c.since}})
		b.durable = true
	}
	b.watch(c)
	return nil
}

// watch has health carry out a check, beginning with the state it is in.
func (b *batch) watch(c *check) {
	if c.definition.Kind() != "" {
		b.monitor = append(b.monitor, func(m *health.Monitor) { m.Set(c.definition, c.state.Status, c.state.Output) })
	}
}

func (b *batch) forget(id string) {
	b.monitor = append(b.monitor, func(m *health.Monitor) { m.Remove(id) })
}

func whose(serviceID string) string {
	if serviceID == "" {
		return "the node"
	}
	return "service " + serviceID
}

func (b *batch) deregisterCheck(id string) error {
	if b.checks[id] == nil {
		return fault.New(fault.NotFound, "no check %q is registered on this agent; /v1/agent/checks lists them", id)
	}
	b.removeCheck(id)
	return nil
}

func (b *batch) removeCheck(id string) {
	b.write(record{NoCheck: id})
	b.durable = true
	b.setCheck(id, nil)
	b.forget(id)
}

// setStatus notes what a check found. durable says that somebody was promised it.
func (b *batch) setStatus(id string, s checkState, durable bool) {
	c := b.checks[id]
	if c == nil || c.state.Status == s.Status && c.state.Output == s.Output && c.state.Withdrawn == s.Withdrawn {
		return
	}
	next := c.with(s, b.now)
	b.setCheck(id, next)
	b.write(statusOf(next))
	b.durable = b.durable || durable
}

// Consul's words, since programs look for them.
const (
	serviceMaintenanceName = "Service Maintenance Mode"
	nodeMaintenanceName    = "Node Maintenance Mode"
	maintenanceType        = "maintenance"
	noServiceReason        = "Maintenance mode is enabled for this service, but no reason was provided. This is a default message."
	noNodeReason           = "Maintenance mode is enabled for this node, but no reason was provided. This is a default message."
)

// maintain puts a service, or with "" the node, into maintenance or takes it out.
func (b *batch) maintain(serviceID string, on bool, reason string) error {
	state := catalog.Check{ID: catalog.NodeMaintenance, Name: nodeMaintenanceName, Notes: noNodeReason}
	if serviceID != "" {
		if b.services[serviceID] == nil {
			return fault.New(fault.NotFound, "no service %q is registered on this agent", serviceID)
		}
		state = catalog.Check{ID: catalog.ServiceMaintenancePrefix + serviceID, Name: serviceMaintenanceName, Notes: noServiceReason}
	}
	if !on {
		if b.checks[state.ID] != nil {
			b.removeCheck(state.ID)
		}
		return nil
	}
	if reason != "" {
		if err := catalog.CheckText(reason, catalog.MaxNotes); err != nil {
			return fault.Field("reason", "%w", err)
		}
		state.Notes = reason
	}
	state.Status, state.Type = catalog.Critical, maintenanceType
	c := &check{definition: &definition.Check{}, state: state, serviceID: serviceID, changed: b.now, since: b.now}
	b.setCheck(state.ID, c)
	b.write(record{Check: &checkRecord{State: state, ServiceID: serviceID, Since: b.now}})
	b.durable = true
	return b.shareable(serviceID)
}
