// The keys of a service definition and what each may hold.

package definition

import (
	"encoding/json"
	"fmt"
	"slices"

	"covey/catalog"
	"covey/catalog/definition/strict"
)

// serviceDraft is a service before its defaults. Its checks wait until its ID is known.
type serviceDraft struct {
	Service
	check     strict.Value
	checks    []strict.Value
	balancing map[string]string // the lb block, as metadata
}

// maxServiceID leaves room for the IDs of checks that are made of a service's.
const maxServiceID = catalog.MaxIDLen - len(catalog.ServiceMaintenancePrefix)

const maxPort = 65535

var serviceKeys = strict.NewTable(serviceKeyList()...)

func serviceKeyList() []strict.Key[serviceDraft] {
	return []strict.Key[serviceDraft]{
		serviceKey("Name", func(d *serviceDraft, v strict.Value) {
			if v.Text(&d.Name) {
				v.Check(catalog.CheckLabel(d.Name))
			}
		}),
		serviceKey("ID", func(d *serviceDraft, v strict.Value) {
			v.Text(&d.ID)
			v.Check(catalog.CheckText(d.ID, maxServiceID))
		}),
		serviceKey("Address", func(d *serviceDraft, v strict.Value) {
			if v.Text(&d.Address) && d.Address != "" {
				v.Check(catalog.CheckAddress(d.Address))
			}
		}),
		serviceKey("Port", func(d *serviceDraft, v strict.Value) { v.Int(&d.Port, 0, maxPort) }),
		serviceKey("Tags", readTags),
		serviceKey("Meta", readMeta),
		serviceKey("LB", func(d *serviceDraft, v strict.Value) {
			if o, ok := v.Object(); ok {
				d.balancing = ReadBalancing(o)
			}
		}),
		serviceKey("TaggedAddresses", readTaggedAddresses),
		serviceKey("Weights", func(d *serviceDraft, v strict.Value) {
			if o, ok := v.Object(); ok {
				d.Weights = &Weights{Passing: 1, Warning: 1}
				weightKeys.Read(o, d.Weights)
			}
		}),
		serviceKey("EnableTagOverride", func(d *serviceDraft, v strict.Value) { v.Bool(&d.EnableTagOverride) }),
		serviceKey("Check", func(d *serviceDraft, v strict.Value) { d.check = v }),
		serviceKey("Checks", func(d *serviceDraft, v strict.Value) { d.checks = slices.Collect(v.List()) }),

		serviceKey("Kind", func(d *serviceDraft, v strict.Value) {
			v.Text(&d.Kind)
			v.Check(catalog.CheckText(d.Kind, catalog.MaxMetaKeyLen))
		}),
		serviceKey("Proxy", keep("Proxy")),
		serviceKey("Connect", keep("Connect")),
		serviceKey("Locality", keep("Locality")),

		serviceKey("Token", func(*serviceDraft, strict.Value) {}), // there is no ACL: any token will do
		serviceKey("Namespace", refuse("Covey has no namespaces")),
		serviceKey("Partition", refuse("Covey has no partitions")),
		serviceKey("SocketPath", refuse("DNS cannot answer a unix socket: give an Address and a Port")),
		serviceKey("Ports", refuse("a service has one port here: give Port, and register one service for each")),
		serviceKey("AI", refuse("is not there")),
	}
}

type serviceReader = func(*serviceDraft, strict.Value)

func serviceKey(name string, read serviceReader) strict.Key[serviceDraft] {
	return strict.Key[serviceDraft]{Name: name, Read: read}
}

func refuse(why string) serviceReader {
	return func(_ *serviceDraft, v strict.Value) {
		if !v.Empty() {
			v.Fault("%s", why)
		}
	}
}

// keep keeps a block of Consul's as it is.
func keep(name string) serviceReader {
	return func(d *serviceDraft, v strict.Value) {
		if _, ok := v.Object(); !ok || v.Empty() {
			return
		}
		if d.Extra == nil {
			d.Extra = map[string]json.RawMessage{}
		}
		d.Extra[name] = v.JSON()
	}
}

func readTags(d *serviceDraft, v strict.Value) {
	v.Texts(&d.Tags)
	if len(d.Tags) > catalog.MaxTags {
		v.Fault("has %d tags, may have %d", len(d.Tags), catalog.MaxTags)
		return
	}
	for _, tag := range d.Tags {
		v.Check(catalog.CheckText(tag, catalog.MaxTagLen))
	}
}

func readMeta(d *serviceDraft, v strict.Value) {
	v.TextMap(&d.Meta)
	CheckMeta(v, d.Meta)
	_, err := catalog.Balancing{}.With(d.Meta)
	v.Check(err)
}

// CheckMeta adds a fault to v for all that keeps meta from being a node's or an
// instance's.
func CheckMeta(v strict.Value, meta map[string]string) {
	if len(meta) > catalog.MaxMeta {
		v.Fault("has %d keys, may have %d", len(meta), catalog.MaxMeta)
		return
	}
	for key, text := range sorted(meta) {
		if key == "" {
			v.Fault("has an empty key")
		}
		v.Check(catalog.CheckText(key, catalog.MaxMetaKeyLen))
		v.Check(checkProse(text, catalog.MaxMetaValueLen))
	}
}

func readTaggedAddresses(d *serviceDraft, v strict.Value) {
	for tag, member := range v.Members() {
		o, ok := member.Object()
		if !ok {
			continue
		}
		member.Check(catalog.CheckText(tag, catalog.MaxMetaKeyLen))
		var a Address
		addressKeys.Read(o, &a)
		if err := checkTaggedAddress(tag, a.Address); err != nil {
			o.Fault("Address", "%w", err)
		}
		if d.TaggedAddresses == nil {
			d.TaggedAddresses = map[string]Address{}
		}
		d.TaggedAddresses[tag] = a
	}
	if len(d.TaggedAddresses) > catalog.MaxAddresses {
		v.Fault("has %d addresses, may have %d", len(d.TaggedAddresses), catalog.MaxAddresses)
	}
}

// checkTaggedAddress is strict with the tags that Consul gives a meaning. Under others
// clients keep what they like; Kratos, for one, keeps URLs.
func checkTaggedAddress(tag, address string) error {
	switch tag {
	case "lan", "lan_ipv4", "lan_ipv6", "wan", "wan_ipv4", "wan_ipv6":
		return catalog.CheckAddress(address)
	}
	if address == "" {
		return fmt.Errorf("must not be empty")
	}
	return catalog.CheckText(address, catalog.MaxMetaValueLen)
}

var addressKeys = strict.NewTable(
	strict.Key[Address]{Name: "Address", Read: func(a *Address, v strict.Value) { v.Text(&a.Address) }},
	strict.Key[Address]{Name: "Port", Read: func(a *Address, v strict.Value) { v.Int(&a.Port, 0, maxPort) }},
)

const maxWeight = 65535

var weightKeys = strict.NewTable(
	strict.Key[Weights]{Name: "Passing", Read: func(w *Weights, v strict.Value) { v.Int(&w.Passing, 0, maxWeight) }},
	strict.Key[Weights]{Name: "Warning", Read: func(w *Weights, v strict.Value) { v.Int(&w.Warning, 0, maxWeight) }},
)
