package httpapi

import (
	"net/http"
	"reflect"
	"regexp/syntax"
	"time"

	"github.com/hashicorp/go-bexpr"

	"covey/internal/fault"
)

// filter is an expression over the fields of a list's elements, as Consul's users write
// them. The zero value lets everything through.
type filter struct {
	expr  *bexpr.Evaluator
	until *time.Time // when to give up; zero until the first element is looked at
	most  time.Duration
}

// Limits of an expression. The grammar backtracks, so what parsing it may cost is bounded
// by steps: the longest expression that makes sense takes a few thousand. A regular
// expression costs as many steps for each character as its program has instructions, and
// repetitions can make a hundred thousand of a few characters.
const (
	maxFilter        = 4 << 10
	maxFilterSteps   = 200_000
	maxFilterTerms   = 64
	maxFilterValues  = 512 // bytes of one value
	maxFilterProgram = 4_000
	maxFilterTime    = 5 * time.Second // to evaluate it over a list
)

// badFilter is in the words by which clients know it.
func badFilter(format string, args ...any) error {
	return refuse(http.StatusInternalServerError, "Failed to create boolean expression evaluator: "+format, args...)
}

// filterFor reads the parameter that filters a list; element is a value of the type of
// its elements, whose fields the expression may name.
func (r *request) filterFor(element any) (filter, error) {
	text := r.params.Get("filter")
	if text == "" {
		return filter{}, nil
	}
	if len(text) > maxFilter {
		return filter{}, badFilter("it is longer than %d bytes", maxFilter)
	}
	parsed, err := bexpr.Parse("", []byte(text), bexpr.MaxExpressions(maxFilterSteps))
	if err != nil {
		return filter{}, badFilter("%v", err)
	}
	if programSize(parsed) > maxFilterProgram {
		return filter{}, badFilter("its regular expressions make a program of over %d instructions: repeat less in them", maxFilterProgram)
	}
	config := bexpr.EvaluatorConfig{MaxMatches: maxFilterTerms, MaxRawValueLength: maxFilterValues}
	expr, err := bexpr.CreateEvaluatorForType(text, &config, element)
	if err != nil {
		return filter{}, badFilter("%v", err)
	}
	return filter{expr, new(time.Time), maxFilterTime}, nil
}

// programSize is how many instructions the regular expressions of a filter have; of too
// many only that they are. One that cannot be read is left to be complained of elsewhere.
func programSize(expr any) int {
	switch e := expr.(type) {
	case *bexpr.UnaryExpression:
		return programSize(e.Operand)
	case *bexpr.BinaryExpression:
		size := programSize(e.Left)
		if size <= maxFilterProgram {
			size += programSize(e.Right)
		}
		return size
	case *bexpr.MatchExpression:
		if e.Operator != bexpr.MatchMatches && e.Operator != bexpr.MatchNotMatches || e.Value == nil || len(e.Value.Raw) > maxFilterValues {
			return 0
		}
		if re, err := syntax.Parse(e.Value.Raw, syntax.Perl); err == nil {
			if prog, err := syntax.Compile(re.Simplify()); err == nil {
				return len(prog.Inst)
			}
		}
	}
	return 0
}

// lets reports whether a filter lets an element through.
func (f filter) lets(element any) (bool, error) {
	now := time.Now()
	if f.until.IsZero() {
		*f.until = now.Add(f.most)
	}
	if now.After(*f.until) {
		return false, refuse(http.StatusInternalServerError, "the filter cannot be evaluated: it took longer than %v; make it simpler, or the list shorter", f.most)
	}
	ok, err := f.expr.Evaluate(element)
	if err != nil {
		return false, refuse(http.StatusInternalServerError, "the filter cannot be evaluated: %v", err)
	}
	return ok, nil
}

// kept returns those elements of a list, a slice or a map, that a filter lets through.
func kept[L any](f filter, list L) (L, error) {
	if f.expr == nil {
		return list, nil
	}
	switch all := reflect.ValueOf(list); all.Kind() {
	case reflect.Slice:
		out := reflect.MakeSlice(all.Type(), 0, 0)
		for _, element := range all.Seq2() {
			ok, err := f.lets(element.Interface())
			if err != nil {
				return list, err
			}
			if ok {
				out = reflect.Append(out, element)
			}
		}
		return out.Interface().(L), nil
	case reflect.Map:
		out := reflect.MakeMap(all.Type())
		for key, element := range all.Seq2() {
			ok, err := f.lets(element.Interface())
			if err != nil {
				return list, err
			}
			if ok {
				out.SetMapIndex(key, element)
			}
		}
		return out.Interface().(L), nil
	default:
		return list, fault.New(fault.Internal, "a filter of what is no list: %T", list)
	}
}
