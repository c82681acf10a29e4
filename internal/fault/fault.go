// Package fault gives the errors that reach a user their kind, so that the HTTP
// API and the command can map them to a status code and an exit code in one place.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Kind classes an error by what its receiver can do about it.
type Kind uint8

const (
	Internal    Kind = iota // not the caller's doing
	Invalid                 // the request is wrong; nothing was changed
	NotFound                // what it names does not exist
	Conflict                // it contradicts what is there
	Forbidden               // refused by configuration
	Unavailable             // may work later
)

// Error is an error with a kind. It is comparable by errors.As only.
type Error struct {
	Kind  Kind
	Field string // the offending field in the user's spelling; "" if none
	Err   error
}

// Error puts the field first: "Port: 70000 is not in 0..65535".
func (e *Error) Error() string {
	if e.Field == "" {
		return e.Err.Error()
	}
	return e.Field + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// New returns an error of the kind; format and args are those of fmt.Errorf.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Err: fmt.Errorf(format, args...)}
}

// Field returns an Invalid error about one field.
func Field(field, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Field: field, Err: fmt.Errorf(format, args...)}
}

// KindOf returns the kind of the first Error in err's tree, Internal if there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// List collects every fault of one input, so that a user is told all of them at once.
type List []error

// Add appends err unless it is nil.
func (l *List) Add(err error) {
	if err != nil {
		*l = append(*l, err)
	}
}

// Field appends an Invalid error about one field.
func (l *List) Field(field, format string, args ...any) {
	*l = append(*l, Field(field, format, args...))
}

// maxSaid is how many faults one error says, so that an input cannot make a longer answer
// than it is itself.
const maxSaid = 20

// Err returns nil for an empty list, the error itself if there is one, else an error
// that has the kind of the first and says them all, parted by "; ", or the first of them
// and how many more there are.
func (l List) Err() error {
	switch len(l) {
	case 0:
		return nil
	case 1:
		return l[0]
	}
	texts := make([]string, 0, maxSaid+1)
	for _, err := range l[:min(len(l), maxSaid)] {
		texts = append(texts, err.Error())
	}
	if more := len(l) - maxSaid; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return &Error{Kind: KindOf(l[0]), Err: errors.New(strings.Join(texts, "; "))}
}
