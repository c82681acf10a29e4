// Defaults, and the rules that bind several fields: what makes a draft a definition.

package definition

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"

	"covey/catalog"
	"covey/catalog/definition/strict"
)

// complete fills in a service's defaults and those of its checks.
func (d *serviceDraft) complete(o *strict.Object) {
	if !o.Has("Name") {
		o.Fault("Name", "must be given: it is what clients look up")
	}
	if d.ID == "" {
		d.ID = d.Name
	}
	if d.Weights == nil {
		d.Weights = &Weights{Passing: 1, Warning: 1}
	}
	d.balance(o)
	d.settleExtra(o)
	d.readChecks(o)
}

// settleExtra sees to it that the blocks that are kept are not too large.
func (d *serviceDraft) settleExtra(o *strict.Object) {
	if len(d.Extra) > 0 {
		if n := len(d.extra()); n > catalog.MaxExtra {
			o.Fault(longest(d.Extra), "the blocks that are kept have %d bytes together, may have %d", n, catalog.MaxExtra)
		}
	}
}

// readChecks reads Check, then Checks, and numbers those without an ID by their place
// as Consul does: clients update them under that name.
func (d *serviceDraft) readChecks(o *strict.Object) {
	var objects []*strict.Object
	for v := range d.check.Each() {
		if c, ok := v.Object(); ok && !v.Empty() {
			objects = append(objects, c)
		}
	}
	for _, v := range d.checks {
		if c, ok := v.Object(); ok {
			objects = append(objects, c)
		}
	}
	if len(objects) > catalog.MaxChecks {
		o.Fault("Checks", "are %d, may be %d", len(objects), catalog.MaxChecks)
		return
	}
	seen := make(map[string]*strict.Object, len(objects))
	for i, c := range objects {
		check := readCheck(c)
		id := "service:" + d.ID
		if len(objects) > 1 {
			id += ":" + strconv.Itoa(i+1)
		}
		check.within(c, &d.Service, id)
		if other := seen[check.ID]; other != nil {
			c.Fault("ID", "%q is the ID of %s too", check.ID, other.Name())
		}
		seen[check.ID] = c
		d.Checks = append(d.Checks, check.Check)
	}
}

// within completes a check that is part of a service, and would be called id.
func (d *checkDraft) within(o *strict.Object, s *Service, id string) {
	if d.ServiceID != "" && d.ServiceID != s.ID {
		o.Fault("ServiceID", "%q is not the service that this check is part of, %q", d.ServiceID, s.ID)
	}
	d.ServiceID = s.ID
	d.settleID(o)
	if d.ID == "" {
		d.ID = id
	}
	if d.Name == "" {
		d.Name = "Service '" + s.Name + "' check"
	}
	d.settleKind(o)
}

// complete completes a check that stands for itself.
func (d *checkDraft) complete(o *strict.Object) {
	d.settleID(o)
	if d.ID == "" && d.Name == "" {
		o.Fault("Name", "must not be empty: a check needs a name or an ID")
	}
	if d.ID == "" {
		d.ID = d.Name
	}
	if d.Name == "" {
		d.Name = d.ID
	}
	d.settleKind(o)
}

func (d *checkDraft) settleID(o *strict.Object) {
	if d.ID == "" {
		d.ID = d.checkID
	}
	if d.checkID != "" && d.checkID != d.ID {
		o.Fault("CheckID", "%q is not the ID, %q: give one of them", d.checkID, d.ID)
	}
	if d.ID == catalog.SerfHealth || d.ID == catalog.NodeMaintenance || strings.HasPrefix(d.ID, catalog.ServiceMaintenancePrefix) {
		o.Fault("ID", "%q is the agent's own: choose another", d.ID)
	}
}

// settleKind sees to it that the check is of one kind and that its times fit it.
func (d *checkDraft) settleKind(o *strict.Object) {
	switch given := kindsOf(&d.Check); {
	case len(given) > 1:
		o.Fault(given[1].key, "a check is of one kind, and %s is given too", given[0].key)
	case len(given) == 1 && !given[0].runs:
		if d.Interval != 0 {
			o.Fault("Interval", "means nothing with %s: it is for checks that the agent carries out", given[0].key)
		}
	case len(given) == 1:
		if d.Interval == 0 {
			d.Interval = given[0].every
		}
		if d.Interval == 0 {
			o.Fault("Interval", "must be given with %s, such as \"10s\"", given[0].key)
		}
		if d.Timeout == 0 {
			d.Timeout = cmp.Or(given[0].timeout, DefaultTimeout)
		}
	case !d.spoilt:
		o.FaultWhole("a check needs one of %s", kindKeys())
	}
	d.settleTarget(o)
	if d.FailuresBeforeWarning > d.FailuresBeforeCritical {
		o.Fault("FailuresBeforeWarning", "%d is more than FailuresBeforeCritical, %d", d.FailuresBeforeWarning, d.FailuresBeforeCritical)
	}
	if 0 < d.DeregisterCriticalServiceAfter && d.DeregisterCriticalServiceAfter < MinDeregisterAfter {
		d.DeregisterCriticalServiceAfter = MinDeregisterAfter
	}
}

// settleTarget sees to it that what a check is of is whole.
func (d *checkDraft) settleTarget(o *strict.Object) {
	switch {
	case d.H2PING != "" && d.H2PingUseTLS == nil:
		on := true
		d.H2PingUseTLS = &on
	case d.H2PING == "":
		d.H2PingUseTLS = nil
	}
	if d.DockerContainerID != "" && d.Shell != "" && len(d.Args) == 0 && !d.spoilt {
		o.Fault("Shell", "wants Args, the program to run in the container")
	}
	if d.AgentSend != "" && d.AgentCheck == "" && !d.spoilt {
		o.Fault("AgentSend", "wants AgentCheck, the agent that is to be sent it")
	}
	if d.AliasService != "" && d.AliasService == d.ServiceID && d.AliasNode == "" {
		o.Fault("AliasService", "%q is the service that this check is part of: it would wait for itself", d.AliasService)
	}
}

func longest(blocks map[string]json.RawMessage) string {
	name := ""
	for key, block := range sorted(blocks) {
		if name == "" || len(block) > len(blocks[name]) {
			name = key
		}
	}
	return name
}
