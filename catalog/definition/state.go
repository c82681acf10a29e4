// What a definition begins as in the catalogue.

package definition

import (
	"encoding/json"

	"covey/catalog"
)

// Instance returns the service as the catalogue has it, without its checks' state.
// Both share their slices and maps, so neither may be modified afterwards.
func (s Service) Instance() *catalog.Instance {
	i := &catalog.Instance{
		ID:                s.ID,
		Service:           s.Name,
		Address:           s.Address,
		Port:              uint16(s.Port),
		Tags:              s.Tags,
		Meta:              s.Meta,
		Weights:           catalog.DefaultWeights,
		EnableTagOverride: s.EnableTagOverride,
		Kind:              s.Kind,
		Extra:             s.extra(),
	}
	if w := s.Weights; w != nil {
		i.Weights = catalog.Weights{Passing: uint16(w.Passing), Warning: uint16(w.Warning)}
	}
	if len(s.TaggedAddresses) > 0 {
		i.TaggedAddresses = make(map[string]catalog.ServiceAddress, len(s.TaggedAddresses))
		for tag, a := range s.TaggedAddresses {
			i.TaggedAddresses[tag] = catalog.ServiceAddress{Address: a.Address, Port: uint16(a.Port)}
		}
	}
	return i
}

// extra returns the blocks as one JSON object, nil if there are none.
func (s *Service) extra() json.RawMessage {
	if len(s.Extra) == 0 {
		return nil
	}
	text, err := json.Marshal(s.Extra)
	if err != nil {
		return nil // not of a block that was read: each is JSON
	}
	return text
}

// State returns the check as it stands before its first run.
func (c Check) State() catalog.Check {
	return catalog.Check{ID: c.ID, Name: c.Name, Status: c.Status, Notes: c.Notes, Type: c.Kind()}
}
