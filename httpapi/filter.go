package httpapi

import (
	"net/http"

	"github.com/hashicorp/go-bexpr"
)

// filter is an expression over the fields of a list's elements, as Consul's users write
// them. The zero value lets everything through.
type filter struct{ expr *bexpr.Filter }

// Limits of an expression. The grammar backtracks, so what parsing it may cost is bounded
// by steps: the longest expression that makes sense takes a few thousand.
const (
	maxFilter       = 4 << 10
	maxFilterSteps  = 200_000
	maxFilterTerms  = 64
	maxFilterValues = 512 // bytes of one value
)

// filterFor reads the parameter that filters a list; element is a value of the type of
// its elements, whose fields the expression may name.
func (r *request) filterFor(element any) (filter, error) {
	text := r.params.Get("filter")
	if text == "" {
		return filter{}, nil
	}
	const failed = "Failed to create boolean expression evaluator: " // in the words by which clients know it
	if len(text) > maxFilter {
		return filter{}, refuse(http.StatusInternalServerError, failed+"it is longer than %d bytes", maxFilter)
	}
	if _, err := bexpr.Parse("", []byte(text), bexpr.MaxExpressions(maxFilterSteps)); err != nil {
		return filter{}, refuse(http.StatusInternalServerError, failed+"%v", err)
	}
	config := bexpr.EvaluatorConfig{MaxMatches: maxFilterTerms, MaxRawValueLength: maxFilterValues}
	expr, err := bexpr.CreateFilter(text, &config, element)
	if err != nil {
		return filter{}, refuse(http.StatusInternalServerError, "%v", err)
	}
	return filter{expr}, nil
}

// kept returns those elements of a list, a slice or a map, that a filter lets through.
func kept[L any](f filter, list L) (L, error) {
	if f.expr == nil {
		return list, nil
	}
	out, err := f.expr.Execute(list)
	if err != nil {
		return list, refuse(http.StatusInternalServerError, "the filter cannot be evaluated: %v", err)
	}
	return out.(L), nil
}
