package agent

import (
	"fmt"

	"covey/catalog/definition"
)

// applyFile brings what configuration files define up to date: what they no longer
// define goes, the rest is registered or replaced. What was registered over the API
// stays, unless a file now defines the same ID.
func (b *batch) applyFile(services []definition.Service, checks []definition.Check) error {
	named := map[string]bool{}
	for i := range services {
		named[services[i].ID] = true
	}
	for id, s := range b.services {
		if s.fromFile && !named[id] {
			if err := b.deregisterService(id); err != nil {
				return err
			}
		}
	}
	for i := range services {
		if err := b.registerService(services[i], true, true); err != nil {
			return fmt.Errorf("service %q of the configuration: %w", services[i].ID, err)
		}
		for _, c := range services[i].Checks {
			named["check "+c.ID] = true
		}
	}
	for i := range checks {
		if err := b.registerCheck(checks[i], true); err != nil {
			return fmt.Errorf("check %q of the configuration: %w", checks[i].ID, err)
		}
		named["check "+checks[i].ID] = true
	}
	for id, c := range b.checks {
		orphan := c.serviceID != "" && b.services[c.serviceID] == nil
		if orphan || c.fromFile && !named["check "+id] {
			b.removeCheck(id)
		}
	}
	return nil
}
