// What is written of nodes that run no agent, as Consul's catalog/register takes it.

package definition

import (
	"slices"

	"covey/catalog"
	"covey/catalog/definition/strict"
)

// External is what is registered of a node that runs no agent: the node, a service there,
// checks, or several of these.
type External struct {
	Datacenter     string
	Node           *catalog.Node // its name always; see HasNode
	SkipNodeUpdate bool          // the node, if it is there, stays as it is
	Service        *catalog.Instance
	Checks         []ExternalCheck
}

// HasNode reports whether there is enough to register the node itself.
func (d *External) HasNode() bool { return d.Node.Address != "" }

// ExternalCheck is the state of a check that somebody else carries out.
type ExternalCheck struct {
	catalog.Check
	ServiceID string // "" for the node's
}

// ExternalRemoval names what is to be removed: a check, a service, or without either the
// whole node.
type ExternalRemoval struct{ Datacenter, Node, ServiceID, CheckID string }

// ExternalFromJSON reads the body of a registration. Errors are of kind Invalid.
func ExternalFromJSON(body []byte) (External, error) { return fromJSON(body, readExternal) }

// ExternalRemovalFromJSON reads the body of a removal. Errors are of kind Invalid.
func ExternalRemovalFromJSON(body []byte) (ExternalRemoval, error) {
	return fromJSON(body, func(o *strict.Object) ExternalRemoval {
		var d ExternalRemoval
		removalKeys.Read(o, &d)
		if d.Node == "" {
			o.Fault("Node", "must be given")
		}
		return d
	})
}

// externalDraft is a registration before its defaults.
type externalDraft struct {
	External
	node   catalog.Node
	id     string
	checks []*strict.Object
}

func readExternal(o *strict.Object) External {
	var d externalDraft
	externalKeys.Read(o, &d)
	d.Node = &d.node
	switch {
	case d.node.Name == "":
		o.Fault("Node", "must be given")
	case d.node.Address == "" && !d.SkipNodeUpdate:
		o.Fault("Address", "must be given, unless SkipNodeUpdate is set")
	}
	d.node.ID = catalog.ExternalNodeID(d.node.Name)
	if d.id != "" {
		id, err := catalog.ParseNodeID(d.id)
		if err != nil {
			o.Fault("ID", "%w", err)
		}
		d.node.ID = id
	}
	if len(d.checks) > catalog.MaxChecks {
		o.Fault("Checks", "are %d, may be %d", len(d.checks), catalog.MaxChecks)
		return d.External
	}
	for _, c := range d.checks {
		d.External.Checks = append(d.External.Checks, d.readCheck(c))
	}
	return d.External
}

// readCheck reads a check; one without a service that comes with one is the node's.
func (d *externalDraft) readCheck(o *strict.Object) ExternalCheck {
	c := ExternalCheck{Check: catalog.Check{Status: catalog.Critical}}
	externalCheckKeys.Read(o, &c)
	if c.ID == "" {
		c.ID = c.Name
	}
	if c.Name == "" {
		c.Name = c.ID
	}
	if c.ID == "" {
		o.Fault("CheckID", "must be given, or a Name")
	}
	if c.ID == catalog.SerfHealth {
		o.Fault("CheckID", "%q says whether an agent is alive, and this node runs none", c.ID)
	}
	return c
}

var externalKeys = strict.NewTable(
	externalKey("ID", func(d *externalDraft, v strict.Value) { v.Text(&d.id) }),
	externalKey("Node", func(d *externalDraft, v strict.Value) {
		if v.Text(&d.node.Name) && d.node.Name != "" {
			v.Check(catalog.CheckHostName(d.node.Name))
		}
	}),
	externalKey("Address", func(d *externalDraft, v strict.Value) {
		if v.Text(&d.node.Address) && d.node.Address != "" {
			v.Check(catalog.CheckAddress(d.node.Address))
		}
	}),
	externalKey("TaggedAddresses", func(d *externalDraft, v strict.Value) {
		v.TextMap(&d.node.TaggedAddresses)
		if len(d.node.TaggedAddresses) > catalog.MaxAddresses {
			v.Fault("has %d addresses, may have %d", len(d.node.TaggedAddresses), catalog.MaxAddresses)
		}
		for tag, address := range sorted(d.node.TaggedAddresses) {
			v.Check(catalog.CheckText(tag, catalog.MaxMetaKeyLen))
			v.Check(checkTaggedAddress(tag, address))
		}
	}),
	externalKey("NodeMeta", func(d *externalDraft, v strict.Value) {
		v.TextMap(&d.node.Meta)
		CheckMeta(v, d.node.Meta)
	}),
	externalKey("Datacenter", func(d *externalDraft, v strict.Value) { v.Text(&d.Datacenter) }),
	externalKey("SkipNodeUpdate", func(d *externalDraft, v strict.Value) { v.Bool(&d.SkipNodeUpdate) }),
	externalKey("Service", func(d *externalDraft, v strict.Value) {
		if o, ok := v.Object(); ok && !v.Empty() {
			d.Service = readExternalService(o)
		}
	}),
	externalKey("Check", func(d *externalDraft, v strict.Value) { d.addCheck(v) }),
	externalKey("Checks", func(d *externalDraft, v strict.Value) {
		for c := range v.List() {
			d.addCheck(c)
		}
	}),
	externalKey("Namespace", func(_ *externalDraft, v strict.Value) { refuse("Covey has no namespaces")(nil, v) }),
	externalKey("Partition", func(_ *externalDraft, v strict.Value) { refuse("Covey has no partitions")(nil, v) }),
	shownOnly[externalDraft]("WriteRequest"), // python-consul sends its token there
	externalKey("Locality", func(*externalDraft, strict.Value) {}),
)

func externalKey(name string, read func(*externalDraft, strict.Value)) strict.Key[externalDraft] {
	return strict.Key[externalDraft]{Name: name, Read: read}
}

func (d *externalDraft) addCheck(v strict.Value) {
	if c, ok := v.Object(); ok && !v.Empty() {
		d.checks = append(d.checks, c)
	}
}

// externalServiceKeys are those of a service, with what the catalogue calls otherwise or
// shows besides.
var externalServiceKeys = strict.NewTable(slices.Concat(
	slices.DeleteFunc(serviceKeyList(), func(k strict.Key[serviceDraft]) bool {
		return slices.Contains([]string{"Name", "Check", "Checks"}, k.Name)
	}),
	[]strict.Key[serviceDraft]{
		{Name: "Service", Also: []string{"Name"}, Read: func(d *serviceDraft, v strict.Value) {
			if v.Text(&d.Name) && d.Name != "" {
				v.Check(catalog.CheckLabel(d.Name))
			}
		}},
		shownOnly[serviceDraft]("Datacenter"), shownOnly[serviceDraft]("ContentHash"), shownOnly[serviceDraft]("PeerName"),
		shownOnly[serviceDraft]("CreateIndex"), shownOnly[serviceDraft]("ModifyIndex"),
	},
)...)

// shownOnly is a key that clients send because what they read has it.
func shownOnly[T any](name string) strict.Key[T] {
	return strict.Key[T]{Name: name, Hidden: true, Read: func(*T, strict.Value) {}}
}

func readExternalService(o *strict.Object) *catalog.Instance {
	var d serviceDraft
	externalServiceKeys.Read(o, &d)
	if d.Name == "" {
		o.Fault("Service", "must be given: it is what clients look up")
	}
	if d.ID == "" {
		d.ID = d.Name
	}
	// Consul's Go client sends zeros for weights that were not set.
	if d.Weights == nil || *d.Weights == (Weights{}) {
		d.Weights = &Weights{Passing: 1, Warning: 1}
	}
	d.settleExtra(o)
	return d.Instance()
}

var externalCheckKeys = strict.NewTable(
	externalCheckKey("CheckID", func(c *ExternalCheck, v strict.Value) { readID(&c.ID, v) }),
	externalCheckKey("Name", func(c *ExternalCheck, v strict.Value) { readID(&c.Name, v) }),
	externalCheckKey("Status", func(c *ExternalCheck, v strict.Value) {
		var word string
		if v.Text(&word) && word != "" {
			status, err := catalog.ParseStatus(word)
			v.Check(err)
			c.Status = status
		}
	}),
	externalCheckKey("Notes", func(c *ExternalCheck, v strict.Value) {
		v.Text(&c.Notes)
		v.Check(checkProse(c.Notes, catalog.MaxNotes))
	}),
	externalCheckKey("Output", func(c *ExternalCheck, v strict.Value) {
		v.Text(&c.Output)
		if len(c.Output) > catalog.MaxOutput {
			c.Output = c.Output[:catalog.MaxOutput]
		}
		v.Check(checkProse(c.Output, catalog.MaxOutput))
	}),
	externalCheckKey("ServiceID", func(c *ExternalCheck, v strict.Value) { readID(&c.ServiceID, v) }),
	externalCheckKey("Type", func(c *ExternalCheck, v strict.Value) { readID(&c.Type, v) }),
	// How it is carried out is the business of whoever does.
	shownOnly[ExternalCheck]("Definition"), shownOnly[ExternalCheck]("ExposedPort"), shownOnly[ExternalCheck]("Interval"),
	shownOnly[ExternalCheck]("Timeout"),
	shownOnly[ExternalCheck]("Node"), shownOnly[ExternalCheck]("ServiceName"), shownOnly[ExternalCheck]("ServiceTags"),
	shownOnly[ExternalCheck]("PeerName"), shownOnly[ExternalCheck]("CreateIndex"), shownOnly[ExternalCheck]("ModifyIndex"),
	externalCheckKey("Namespace", func(_ *ExternalCheck, v strict.Value) { refuse("Covey has no namespaces")(nil, v) }),
	externalCheckKey("Partition", func(_ *ExternalCheck, v strict.Value) { refuse("Covey has no partitions")(nil, v) }),
)

func externalCheckKey(name string, read func(*ExternalCheck, strict.Value)) strict.Key[ExternalCheck] {
	return strict.Key[ExternalCheck]{Name: name, Read: read}
}

var removalKeys = strict.NewTable(
	removalKey("Node", func(d *ExternalRemoval, v strict.Value) { readID(&d.Node, v) }),
	removalKey("ServiceID", func(d *ExternalRemoval, v strict.Value) { readID(&d.ServiceID, v) }),
	removalKey("CheckID", func(d *ExternalRemoval, v strict.Value) { readID(&d.CheckID, v) }),
	removalKey("Datacenter", func(d *ExternalRemoval, v strict.Value) { v.Text(&d.Datacenter) }),
	shownOnly[ExternalRemoval]("Address"), shownOnly[ExternalRemoval]("WriteRequest"),
	removalKey("Namespace", func(_ *ExternalRemoval, v strict.Value) { refuse("Covey has no namespaces")(nil, v) }),
	removalKey("Partition", func(_ *ExternalRemoval, v strict.Value) { refuse("Covey has no partitions")(nil, v) }),
)

func removalKey(name string, read func(*ExternalRemoval, strict.Value)) strict.Key[ExternalRemoval] {
	return strict.Key[ExternalRemoval]{Name: name, Read: read}
}
