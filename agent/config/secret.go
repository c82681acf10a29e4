package config

import "log/slog"

// Secret is a key. It prints and logs as stars, so that a Config may be shown.
type Secret []byte

// String implements fmt.Stringer.
func (s Secret) String() string {
	if len(s) == 0 {
		return ""
	}
	return "***"
}

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return s.String() }

// MarshalText implements encoding.TextMarshaler, for JSON and slog's handlers.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
