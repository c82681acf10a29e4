package health

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// orcaJSON is an OrcaLoadReport as protobuf's JSON mapping has it: fields are called as in the
// message or in camel case, numbers may be strings, which NaN and the infinities always are,
// and null is for what is not given.
type orcaJSON map[string]json.RawMessage

// readJSON reads such a report. What is of no use here may be anything.
func (o *orca) readJSON(text string) error {
	var report orcaJSON
	if err := json.Unmarshal([]byte(text), &report); err != nil || report == nil {
		return errors.New("it is no JSON object")
	}
	for _, f := range orcaFields() {
		if err := report.number(f.of(o), f.names...); err != nil {
			return err
		}
	}
	raw, err := report.member("named_metrics", "namedMetrics")
	if err != nil || raw == nil {
		return err
	}
	var named orcaJSON
	if err := json.Unmarshal(raw, &named); err != nil {
		return fmt.Errorf("named_metrics is %.40s, which is no object", raw)
	}
	return named.number(&o.queue, queueMetric)
}

// member returns the value that is given under one of the names, nil for none.
func (m orcaJSON) member(names ...string) (value json.RawMessage, err error) {
	for _, name := range names {
		raw, given := m[name]
		switch {
		case !given || string(raw) == "null":
		case value != nil:
			return nil, fmt.Errorf("it has %s twice", names[0])
		default:
			value = raw
		}
	}
	return value, nil
}

// number sets a number that is given under one of the names.
func (m orcaJSON) number(into *float64, names ...string) error {
	raw, err := m.member(names...)
	if err != nil || raw == nil {
		return err
	}
	text, quoted := string(raw), ""
	if json.Unmarshal(raw, &quoted) == nil {
		text = quoted
	}
	switch text {
	case "NaN", "Infinity", "-Infinity":
		return fmt.Errorf("%s is %s, which is no load", names[0], text)
	}
	if *into, err = strconv.ParseFloat(text, 64); err != nil || !isJSONNumber(text) {
		return fmt.Errorf("%s is %.40s, which is no number", names[0], raw)
	}
	return nil
}

// isJSONNumber reports whether text is written as a JSON number, as which it may begin with a
// sign or a digit only.
func isJSONNumber(text string) bool {
	return text != "" && (text[0] == '-' || '0' <= text[0] && text[0] <= '9') && json.Valid([]byte(text)) &&
		text[len(text)-1] > ' '
}
