package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"

	"covey/agent/config"
	"covey/catalog/definition"
	"covey/catalog/definition/strict"
	"covey/internal/fault"
)

// maxDefinition is how long a definition file may be.
const maxDefinition = 16 << 20

// readDefinitions returns the services that a file describes, "-" being in: JSON if it
// begins with a brace, else HCL. Errors about what it says are of kind Invalid.
func readDefinitions(file string, in io.Reader) ([]definition.Service, error) {
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, errors.Unwrap(err) // without the path, which the caller names
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxDefinition+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxDefinition:
		return nil, fault.New(fault.Invalid, "it is longer than %d MiB", maxDefinition>>20)
	}
	services, err := servicesIn(text)
	if err == nil && len(services) == 0 {
		err = fault.New(fault.Invalid, "there is no service in it")
	}
	return services, err
}

func servicesIn(text []byte) ([]definition.Service, error) {
	name := "definition.hcl"
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		name = "definition.json"
	}
	values, err := config.Parse(name, text)
	if err != nil {
		return nil, err
	}
	var faults fault.List
	file := strict.NewObject("", values, &faults)
	if !file.Has("service") && !file.Has("services") {
		s := definition.ReadService(file)
		return []definition.Service{s}, faults.Err()
	}
	var services serviceList
	configurationKeys.Read(file, &services)
	return services, faults.Err()
}

// serviceList is what a file with several services holds. Their IDs are distinct.
type serviceList []definition.Service

// configurationKeys read the services of a configuration and pass over its other keys;
// those of groups are not looked at.
var configurationKeys = newConfigurationKeys()

func newConfigurationKeys() *strict.Table[serviceList] {
	keys := []strict.Key[serviceList]{
		{Name: "service", Read: func(l *serviceList, v strict.Value) { l.readAll(v.Each()) }},
		{Name: "services", Read: func(l *serviceList, v strict.Value) { l.readAll(v.List()) }},
	}
	for _, known := range config.Keys() {
		name, _, _ := strings.Cut(known.Name, ".")
		if !slices.ContainsFunc(keys, func(k strict.Key[serviceList]) bool { return k.Name == name }) {
			keys = append(keys, strict.Key[serviceList]{Name: name, Read: func(*serviceList, strict.Value) {}})
		}
	}
	return strict.NewTable(keys...)
}

func (l *serviceList) readAll(values iter.Seq[strict.Value]) {
	for v := range values {
		l.read(v)
	}
}

func (l *serviceList) read(v strict.Value) {
	o, ok := v.Object()
	if !ok {
		return
	}
	s := definition.ReadService(o)
	if slices.ContainsFunc(*l, func(other definition.Service) bool { return other.ID == s.ID }) {
		v.Fault("another service of this file has the service ID %q", s.ID)
	}
	*l = append(*l, s)
}

// wire is a service as the API takes it: blocks that are only kept stand beside the
// other keys, not among them as in the definition.
func wire(s *definition.Service) ([]byte, error) {
	plain := *s
	plain.Extra = nil
	text, err := json.Marshal(plain)
	if err != nil || len(s.Extra) == 0 {
		return text, err
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return nil, err
	}
	maps.Copy(keys, s.Extra)
	return json.Marshal(keys)
}
