// Numbers in the types that JSON, HCL and Go code have them in.

package strict

import (
	"encoding/json"
	"math"
)

// number returns a number as a float64, which is exact for every number that fits an
// Int's range.
func number(raw any) (float64, bool) {
	switch x := raw.(type) {
	case json.Number:
		f, err := x.Float64()
		return f, err == nil
	case float64:
		return x, true
	case int:
		return float64(x), true
	case int64:
		return float64(x), true
	}
	return 0, false
}

// integer returns a whole number with all its digits.
func integer(raw any) (int64, bool) {
	switch x := raw.(type) {
	case json.Number:
		if n, err := x.Int64(); err == nil {
			return n, true
		}
	case int:
		return int64(x), true
	case int64:
		return x, true
	}
	f, ok := number(raw)
	if !ok || f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
		return 0, false
	}
	return int64(f), true
}
