package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"covey/internal/fault"
)

// ParseJSON parses one JSON object and nothing after it. Numbers stay json.Number, so
// that none loses digits. Errors are of kind Invalid and say where.
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
