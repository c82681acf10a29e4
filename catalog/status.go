package catalog

import "fmt"

// Status is the health of a check, or the worst of several.
// The order matters: a greater Status is worse.
type Status uint8

const (
	Passing Status = iota
	Warning
	Critical
)

// String returns Consul's word for s.
func (s Status) String() string {
	switch s {
	case Passing:
		return "passing"
	case Warning:
		return "warning"
	default:
		return "critical"
	}
}

// ParseStatus is the inverse of String.
func ParseStatus(word string) (Status, error) {
	switch word {
	case "passing":
		return Passing, nil
	case "warning":
		return Warning, nil
	case "critical":
		return Critical, nil
	}
	return Critical, fmt.Errorf("unknown status %q: want passing, warning or critical", word)
}

// MarshalText implements encoding.TextMarshaler.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Status) UnmarshalText(text []byte) (err error) {
	*s, err = ParseStatus(string(text))
	return err
}
