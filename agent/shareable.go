package agent

import (
	"slices"
	"strings"

	"covey/catalog"
	"covey/internal/fault"
)

// shareable refuses what other hosts would refuse: a record is decoded here as it will
// be there, in the largest form that its checks and a maintenance can give it. Without
// this, one record that is fine here would have all of this agent's left out there.
func (b *batch) shareable(serviceID string) error {
	checks := b.checksOf(serviceID)
	own := 0
	for _, c := range checks {
		if c.definition.Kind() != "" {
			own++
		}
	}
	if own > catalog.MaxChecks {
		return fault.Field("Checks", "%s would have %d checks; %d are allowed", whose(serviceID), own, catalog.MaxChecks)
	}
	key, payload := b.asShared(serviceID, checks)
	if _, err := catalog.Decode(key, payload); err != nil {
		return fault.New(fault.Invalid, "%s cannot be shared with other hosts: %w; let it have shorter or fewer tags, meta, notes or checks", whose(serviceID), err)
	}
	return nil
}

// asShared encodes the record that a service or, with "", the node is shared in. It is in its
// largest form unless that fits anyhow: to write and read kilobytes of stand-ins would be half
// of what a registration costs.
func (b *batch) asShared(serviceID string, checks []*check) (key string, payload []byte) {
	if serviceID != "" {
		r := b.services[serviceID].instance(checks)
		payload := catalog.Encode(r)
		if len(payload)+len(serviceID)+roomForMaintenance+len(checks)*roomForOutput <= catalog.MaxRecord {
			return r.Key(), payload
		}
	}
	r := b.largest(serviceID, checks)
	return r.Key(), catalog.Encode(r)
}

// What a record may grow by, lengths and field numbers included.
const (
	roomForOutput      = catalog.MaxOutput + 16
	roomForMaintenance = catalog.MaxNotes + catalog.MaxOutput + 256
)

// largest renders a service, or with "" the node, as large as it may become.
func (b *batch) largest(serviceID string, checks []*check) catalog.Record {
	list := states(checks)
	for i := range list {
		list[i].Output = fullOutput
	}
	maintained := func(c catalog.Check) bool { return c.Type == maintenanceType || c.Type == drainType }
	if !slices.ContainsFunc(list, maintained) {
		list = append(list, catalog.Check{
			ID: catalog.ServiceMaintenancePrefix + serviceID, Name: serviceMaintenanceName, Type: maintenanceType,
			Status: catalog.Critical, Notes: fullNotes,
		})
	}
	if serviceID != "" {
		i := b.services[serviceID].definition.Instance()
		i.Checks = list
		return i
	}
	return &catalog.Node{
		ID: catalog.NodeID{1}, Name: longName, Address: "255.255.255.255", Datacenter: longLabel,
		Meta: b.nodeMeta, TaggedAddresses: map[string]string{"": longName}, Checks: list, Zone: longPlace, Region: longPlace,
	}
}

// Stand-ins of the greatest length for what is not known here.
var (
	fullOutput = strings.Repeat("x", catalog.MaxOutput)
	fullNotes  = strings.Repeat("x", catalog.MaxNotes)
	longPlace  = strings.Repeat("x", catalog.MaxPlace)
	longLabel  = strings.Repeat("x", 63)
	longName   = longLabel + "." + longLabel + "." + longLabel + "." + longLabel[:61]
)
