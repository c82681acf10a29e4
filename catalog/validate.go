package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
)

// validate is what a record must satisfy to be stored, whoever it comes from. It is
// the last line: definitions are checked before, with messages for people.

func (n *Node) validate() error {
	if n.ID == (NodeID{}) {
		return errors.New("it has no id")
	}
	if err := CheckHostName(n.Name); err != nil {
		return err
	}
	if ip, err := netip.ParseAddr(n.Address); err != nil || ip.Zone() != "" {
		return fmt.Errorf("its address %q is no IP", clip(n.Address))
	}
	if err := CheckLabel(n.Datacenter); err != nil {
		return fmt.Errorf("its datacenter: %w", err)
	}
	for name, addr := range n.TaggedAddresses {
		if err := errors.Join(CheckText(name, MaxIDLen), CheckText(addr, MaxIDLen)); err != nil {
			return err
		}
	}
	return errors.Join(CheckText(n.Zone, MaxPlace), CheckText(n.Region, MaxPlace), checkMeta(n.Meta), checkChecks(n.Checks))
}

func (i *Instance) validate() error {
	if i.ID == "" {
		return errors.New("it has no id")
	}
	if err := CheckText(i.ID, MaxIDLen); err != nil {
		return err
	}
	if err := CheckLabel(i.Service); err != nil {
		return err
	}
	if i.Address != "" {
		if err := CheckAddress(i.Address); err != nil {
			return err
		}
	}
	for _, t := range i.Tags {
		if err := CheckText(t, MaxTagLen); err != nil {
			return err
		}
	}
	for name, a := range i.TaggedAddresses {
		// Not all of them are addresses: clients keep URLs there.
		if err := errors.Join(CheckText(name, MaxIDLen), CheckText(a.Address, MaxTagLen)); err != nil {
			return err
		}
	}
	if len(i.Extra) > MaxExtra || len(i.Extra) > 0 && !json.Valid(i.Extra) {
		return fmt.Errorf("its extra blocks are not JSON of at most %d bytes", MaxExtra)
	}
	return errors.Join(CheckText(i.Kind, MaxIDLen), checkMeta(i.Meta), checkChecks(i.Checks))
}

func checkMeta(m map[string]string) error {
	for k, v := range m {
		if err := errors.Join(CheckText(k, MaxMetaKeyLen), checkProse(v, MaxMetaValueLen)); err != nil {
			return fmt.Errorf("its meta: %w", err)
		}
	}
	return nil
}

func checkChecks(list []Check) error {
	for i := range list {
		c := &list[i]
		if c.ID == "" {
			return errors.New("a check has no id")
		}
		// A service's check may bear its id behind a prefix, so ids may be longer here.
		if err := errors.Join(CheckText(c.ID, 2*MaxIDLen), CheckText(c.Name, 2*MaxIDLen), CheckText(c.Type, MaxIDLen),
			checkProse(c.Output, MaxOutput), checkProse(c.Notes, MaxNotes)); err != nil {
			return fmt.Errorf("its check %q: %w", clip(c.ID), err)
		}
	}
	return nil
}
