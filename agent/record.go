package agent

import (
	"encoding/json"
	"fmt"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
)

// record is one line of the journal: what became of one thing. Exactly one field is
// set. Fields that a later version adds are passed over by an earlier one, which
// refuses a record of which it knows nothing.
type record struct {
	Service  *serviceRecord  `json:"service,omitempty"`
	Check    *checkRecord    `json:"check,omitempty"`
	Status   *statusRecord   `json:"status,omitempty"`
	Start    *startRecord    `json:"start,omitempty"`
	External *externalRecord `json:"external,omitempty"`
	// Removed services (their checks go with them) and checks.
	NoService string `json:"noService,omitempty"`
	NoCheck   string `json:"noCheck,omitempty"`
	// NoExternal is the key of what is stated no longer of an external node.
	NoExternal string `json:"noExternal,omitempty"`
}

// serviceRecord is a service that was registered, without its checks.
type serviceRecord struct {
	Definition definition.Service `json:"definition"`
}

// checkRecord is a check that was registered, with the state it had then.
type checkRecord struct {
	Definition definition.Check `json:"definition"`
	State      catalog.Check    `json:"state"`
	ServiceID  string           `json:"serviceID,omitempty"`
	Since      time.Time        `json:"since,omitzero"`
}

// statusRecord is a check's new state.
type statusRecord struct {
	ID     string         `json:"id"`
	Status catalog.Status `json:"status"`
	Output string         `json:"output,omitempty"`
	Since  time.Time      `json:"since,omitzero"`

	Withdrawn bool `json:"withdrawn,omitempty"`
}

// startRecord is what must not go back from one start to the next.
type startRecord struct {
	Epoch uint64 `json:"epoch"`
	Index uint64 `json:"index"` // of the catalogue, at the time of writing
}

func (r record) encode() []byte {
	b, err := json.Marshal(r)
	if err != nil {
		// Definitions and states are made of strings, numbers and valid JSON.
		panic(fmt.Sprintf("agent: a record that cannot be encoded: %v", err))
	}
	return b
}

// replay applies a record of the journal. It is the inverse of what batch writes.
func (r *registry) replay(b []byte, start *startRecord) error {
	var rec record
	if err := json.Unmarshal(b, &rec); err != nil {
		return fmt.Errorf("a record that cannot be read: %w", err)
	}
	switch {
	case rec.Service != nil:
		r.services[rec.Service.Definition.ID] = &service{definition: rec.Service.Definition}
	case rec.Check != nil:
		c, d := rec.Check, rec.Check.Definition
		r.put(c.State.ID, &check{definition: &d, state: c.State, serviceID: c.ServiceID, changed: time.Now(), since: c.Since})
	case rec.Status != nil:
		s := rec.Status
		state := checkState{s.Status, s.Output, s.Withdrawn, s.Since}
		r.statuses[s.ID] = state
		if c := r.checks[s.ID]; c != nil {
			next := c.with(state, time.Now())
			next.since = s.Since
			r.put(s.ID, next)
		}
	case rec.NoService != "":
		for _, c := range r.checksOf(rec.NoService) {
			r.put(c.state.ID, nil)
			delete(r.statuses, c.state.ID)
		}
		delete(r.services, rec.NoService)
	case rec.NoCheck != "":
		r.put(rec.NoCheck, nil)
		delete(r.statuses, rec.NoCheck)
	case rec.External != nil:
		return r.replayExternal(rec.External)
	case rec.NoExternal != "":
		delete(r.externals, rec.NoExternal)
	case rec.Start != nil:
		start.Epoch = max(start.Epoch, rec.Start.Epoch)
		start.Index = max(start.Index, rec.Start.Index)
	default:
		return fmt.Errorf("a record of no kind known to this version: %.100s", b)
	}
	return nil
}

// with returns the check in another state, since now if it is another status.
func (c *check) with(s checkState, now time.Time) *check {
	next := *c
	if s.Since = c.since; s.Status != c.state.Status {
		next.changed, s.Since = now, now
	}
	next.take(s)
	return &next
}

// take puts a check in the making into a state.
func (c *check) take(s checkState) {
	c.state.Status, c.state.Output, c.state.Withdrawn, c.since = s.Status, s.Output, s.Withdrawn, s.Since
}

// statusOf is the record of the state that a check is in.
func statusOf(c *check) record {
	return record{Status: &statusRecord{
		ID: c.state.ID, Status: c.state.Status, Output: c.state.Output, Since: c.since, Withdrawn: c.state.Withdrawn,
	}}
}

// snapshot emits records that replay would bring the registry back from.
func (r *registry) snapshot(start startRecord, emit func([]byte) error) error {
	records := []record{{Start: &start}}
	for _, s := range r.services {
		if !s.fromFile {
			records = append(records, record{Service: &serviceRecord{s.definition}})
		}
	}
	for _, c := range r.checks {
		if c.state.Type == drainType {
			continue
		}
		if !c.fromFile {
			records = append(records, record{Check: &checkRecord{*c.definition, c.state, c.serviceID, c.since}})
		} else {
			records = append(records, statusOf(c))
		}
	}
	for _, x := range r.externals {
		records = append(records, record{External: externalOf(x)})
	}
	for _, rec := range records {
		if err := emit(rec.encode()); err != nil {
			return err
		}
	}
	return nil
}
