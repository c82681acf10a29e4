// How a definition is read: the four ways in, and the one they share.

package definition

import (
	"covey/catalog"
	"covey/catalog/definition/strict"
	"covey/internal/fault"
)

// ServiceFromJSON reads the body of a registration, which may run no program (Check.Runs).
// Errors are of kind Invalid.
func ServiceFromJSON(body []byte) (Service, error) {
	return fromJSON(body, func(o *strict.Object) Service {
		s := ReadService(o)
		for i := range s.Checks {
			s.Checks[i].refuseProgram(o)
		}
		return s
	})
}

// ServiceFromMap reads an object as JSON or HCL parse to. Errors are of kind Invalid.
func ServiceFromMap(values map[string]any) (Service, error) { return fromMap(values, ReadService) }

// CheckFromJSON reads the body of a check's registration, likewise.
func CheckFromJSON(body []byte) (Check, error) {
	return fromJSON(body, func(o *strict.Object) Check {
		c := ReadCheck(o)
		c.refuseProgram(o)
		return c
	})
}

// NoPrograms is why a check that runs a program is refused over the API.
const NoPrograms = "checks that run a program are not taken over the API: write them into a configuration file of the agent, with enable_local_script_checks = true"

func (c *Check) refuseProgram(o *strict.Object) {
	if c.Runs() {
		o.Fault("Args", "%s", NoPrograms)
	}
}

// CheckFromMap reads an object as JSON or HCL parse to. Errors are of kind Invalid.
func CheckFromMap(values map[string]any) (Check, error) { return fromMap(values, ReadCheck) }

func fromJSON[T any](body []byte, read func(*strict.Object) T) (T, error) {
	values, err := strict.ParseJSON(body)
	if err != nil {
		var none T
		return none, err
	}
	return fromMap(values, read)
}

func fromMap[T any](values map[string]any, read func(*strict.Object) T) (T, error) {
	var faults fault.List
	t := read(strict.NewObject("", values, &faults))
	if err := faults.Err(); err != nil {
		var none T
		return none, err
	}
	return t, nil
}

// ReadService reads a service that is part of a larger input. It is whole only if it
// added no fault to the object's.
func ReadService(o *strict.Object) Service {
	var d serviceDraft
	serviceKeys.Read(o, &d)
	d.complete(o)
	return d.Service
}

// ReadCheck reads a check that stands for itself, of the node or of a service that is
// registered apart from it. It is whole only if it added no fault to the object's.
func ReadCheck(o *strict.Object) Check {
	d := readCheck(o)
	d.complete(o)
	return d.Check
}

func readCheck(o *strict.Object) checkDraft {
	d := checkDraft{Check: Check{Status: catalog.Critical}}
	checkKeys.Read(o, &d)
	return d
}
