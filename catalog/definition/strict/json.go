package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"covey/internal/fault"
)

// ParseJSON parses one JSON object and nothing after it. Numbers stay json.Number, so
// that none loses digits; a key that an object has twice is an error. Errors are of kind
// Invalid and say where.
func ParseJSON(text []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, syntaxFault(text, err)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, fault.New(fault.Invalid, "must be a JSON object, not %s", describe(value))
	}
	if rest := bytes.TrimLeft(text[d.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return nil, fault.New(fault.Invalid, "line %d: nothing may follow the JSON object", line(text, len(text)-len(rest)))
	}
	// Of two values of a key the decoder keeps the last and says nothing. Counting tells
	// that in a tenth of the time that reading token by token takes.
	if written(text) != members(object) {
		if err := firstRepeated(text); err != nil {
			return nil, err
		}
	}
	return object, nil
}

func syntaxFault(text []byte, err error) error {
	var syntax *json.SyntaxError
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return fault.New(fault.Invalid, "must be a JSON object, but is empty")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fault.New(fault.Invalid, "the JSON ends before it is complete")
	case errors.As(err, &syntax):
		return fault.New(fault.Invalid, "line %d: not JSON: %w", line(text, int(syntax.Offset)), err)
	}
	return fault.New(fault.Invalid, "not JSON: %w", err)
}

// line returns the number of the line that offset is in.
func line(text []byte, offset int) int {
	return 1 + bytes.Count(text[:min(max(offset, 0), len(text))], []byte{'\n'})
}

// written counts the members that all objects of valid JSON have: each is one colon
// outside of strings.
func written(text []byte) int {
	n, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\':
			i++ // only strings have any
		case c == ':' && !quoted:
			n++
		}
	}
	return n
}

// members counts the members that all objects of a parsed value have.
func members(value any) int {
	n := 0
	switch x := value.(type) {
	case map[string]any:
		n = len(x)
		for _, member := range x {
			n += members(member)
		}
	case []any:
		for _, element := range x {
			n += members(element)
		}
	}
	return n
}

// firstRepeated returns a fault about the first key in valid JSON that its object has
// already, nil if there is none.
func firstRepeated(text []byte) error {
	r := repetition{text: text, Decoder: json.NewDecoder(bytes.NewReader(text))}
	r.UseNumber()
	return r.find()
}

// repetition is the search for a repeated key, a token at a time.
type repetition struct {
	*json.Decoder
	text []byte
	path []string // to what is read: ".Checks", "[1]", ".Name"
}

// find reads one value. The decoder's bound on nesting, which the text is within, is the
// bound of the recursion.
func (r *repetition) find() error {
	token, err := r.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		err = r.object()
	case json.Delim('['):
		err = r.list()
	default:
		return nil
	}
	if err == nil {
		_, err = r.Token() // the end of it
	}
	return err
}

func (r *repetition) object() error {
	seen := map[string]bool{}
	for r.More() {
		token, err := r.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		r.path = append(r.path, "."+spell(key))
		if seen[key] {
			return fault.Field(strings.TrimPrefix(strings.Join(r.path, ""), "."), "is given twice, again on line %d", line(r.text, int(r.InputOffset())))
		}
		seen[key] = true
		if err := r.find(); err != nil {
			return err
		}
		r.path = r.path[:len(r.path)-1]
	}
	return nil
}

func (r *repetition) list() error {
	for i := 0; r.More(); i++ {
		r.path = append(r.path, "["+strconv.Itoa(i)+"]")
		if err := r.find(); err != nil {
			return err
		}
		r.path = r.path[:len(r.path)-1]
	}
	return nil
}
