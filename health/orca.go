package health

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"covey/catalog"
)

// The names under which an answer holds an OrcaLoadReport (xds.data.orca.v3), in one of
// three forms, and, in base64, a bare one: Envoy's for HTTP, and gRPC's for trailers (A51).
const (
	orcaHeader = "endpoint-load-metrics"
	orcaBinary = "endpoint-load-metrics-bin"
)

// orca is what is of use here of an OrcaLoadReport.
type orca struct {
	cpu, application, rate, errors, queue float64 // rate and errors are of a second
}

// orcaField is one of them, by its number in the message, and by its names in text, of which
// JSON may use either.
type orcaField struct {
	number protowire.Number
	names  []string
	of     func(*orca) *float64
}

func orcaFields() [4]orcaField {
	return [...]orcaField{
		{1, []string{"cpu_utilization", "cpuUtilization"}, func(o *orca) *float64 { return &o.cpu }},
		{6, []string{"rps_fractional", "rpsFractional"}, func(o *orca) *float64 { return &o.rate }},
		{7, []string{"eps"}, func(o *orca) *float64 { return &o.errors }},
		{9, []string{"application_utilization", "applicationUtilization"}, func(o *orca) *float64 { return &o.application }},
	}
}

// queueMetric is the named metric that counts the requests in hand, which the report has
// no field for.
const queueMetric = "queue"

const maxMetrics = 8 << 10 // bytes

// readMetrics returns the load that an answer tells of, nil if it tells of none or of
// what cannot be; note says so for the output.
func readMetrics(text, binary string) (load *catalog.Reading, note string) {
	var (
		o   orca
		err error
	)
	switch {
	case text == "" && binary == "":
		return nil, ""
	case max(len(text), len(binary)) > maxMetrics:
		err = fmt.Errorf("it has more than %d bytes", maxMetrics)
	case text != "":
		err = o.read(text)
	default:
		err = o.readBinary(binary)
	}
	r := o.reading()
	if err == nil && !(o.errors >= 0) {
		err = fmt.Errorf("the reported rate of errors, %g, is not a number above 0", o.errors)
	}
	if err == nil {
		err = r.Check()
	}
	if err != nil {
		return nil, " (its load report is of no use: " + clip(err.Error(), 200) + ")"
	}
	return &r, ""
}

// reading prefers the utilisation that the application states, and counts the part of the
// requests that failed as used, both as gRPC A58 does: else who fails fast would look able.
func (o *orca) reading() catalog.Reading {
	r := catalog.Reading{Rate: o.rate, Utilisation: o.application, Queue: o.queue}
	if o.application == 0 {
		r.Utilisation = o.cpu
	}
	if o.rate > 0 && o.errors > 0 {
		r.Utilisation += min(o.errors/o.rate, 1)
	}
	return r
}

// read reads the header, whose first word is the form.
func (o *orca) read(header string) error {
	form, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	rest = strings.TrimSpace(rest)
	switch strings.ToUpper(form) {
	case "TEXT":
		return o.readText(rest)
	case "JSON":
		return o.readJSON(rest)
	case "BIN":
		return o.readBinary(rest)
	}
	return fmt.Errorf("it begins with %.20q, not with TEXT, JSON or BIN", form)
}

// readText reads name=value, separated by commas. What is of another name is for others.
func (o *orca) readText(text string) error {
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(text, ",") {
		name, number, ok := strings.Cut(pair, "=")
		if !ok {
			name, number, ok = strings.Cut(pair, ":") // as Envoy takes it too
		}
		name = strings.TrimSpace(name)
		value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		switch {
		case !ok || err != nil:
			return fmt.Errorf("%.40q is no name=number", pair)
		case seen[name]:
			return fmt.Errorf("it has %.40q twice", name)
		}
		seen[name] = true
		if name == "named_metrics."+queueMetric {
			o.queue = value
		}
		for _, f := range orcaFields() {
			if slices.Contains(f.names, name) {
				*f.of(o) = value
			}
		}
	}
	return nil
}

// readBinary reads the message, in base64 with or without padding.
func (o *orca) readBinary(text string) error {
	message, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return errors.New("it is not base64")
	}
	for b := message; len(b) > 0; {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errNoOrca
		}
		size := protowire.ConsumeFieldValue(number, kind, b[n:])
		if size < 0 {
			return errNoOrca
		}
		o.setField(number, kind, b[n:n+size])
		b = b[n+size:]
	}
	return nil
}

var errNoOrca = errors.New("it is no OrcaLoadReport")

func (o *orca) setField(number protowire.Number, kind protowire.Type, value []byte) {
	switch {
	case kind == protowire.Fixed64Type:
		bits, _ := protowire.ConsumeFixed64(value)
		for _, f := range orcaFields() {
			if number == f.number {
				*f.of(o) = math.Float64frombits(bits)
			}
		}
	case kind == protowire.BytesType && number == 8:
		entry, _ := protowire.ConsumeBytes(value)
		if name, x := readEntry(entry); name == queueMetric {
			o.queue = x
		}
	}
}

// readEntry reads an entry of a map from names to doubles. One that is damaged is
// nobody's.
func readEntry(b []byte) (name string, x float64) {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return "", 0
		}
		size := protowire.ConsumeFieldValue(number, kind, b[n:])
		if size < 0 {
			return "", 0
		}
		value := b[n : n+size]
		switch {
		case number == 1 && kind == protowire.BytesType:
			text, _ := protowire.ConsumeBytes(value)
			name = string(text)
		case number == 2 && kind == protowire.Fixed64Type:
			bits, _ := protowire.ConsumeFixed64(value)
			x = math.Float64frombits(bits)
		}
		b = b[n+size:]
	}
	return name, x
}
