package catalog

import (
	"iter"
	"slices"
)

// roster is a list of endpoints sorted by node name and ID that never changes: what is
// placed in it makes another, which shares all runs that nothing was placed in. A host with
// fifty thousand instances has each view of it for some kilobytes.
type roster struct {
	runs [][]*Endpoint // none empty, each and all together in order
}

// Runs are cut at maxRun, and joined with what follows below minRun.
const (
	maxRun = 128
	minRun = 32
)

// all yields the endpoints in order.
func (r roster) all() iter.Seq[*Endpoint] {
	return func(yield func(*Endpoint) bool) {
		for _, run := range r.runs {
			for _, e := range run {
				if !yield(e) {
					return
				}
			}
		}
	}
}

func (r roster) count() int {
	n := 0
	for _, run := range r.runs {
		n += len(run)
	}
	return n
}

// get returns the endpoint of a node and ID, or nil.
func (r roster) get(node, id string) *Endpoint {
	if len(r.runs) == 0 {
		return nil
	}
	run := r.runs[r.home(0, node, id)]
	if at, ok := find(run, node, id); ok {
		return run[at]
	}
	return nil
}

// home is the run, from one on, that a node and ID belong in: the last that does not begin
// behind them.
func (r roster) home(from int, node, id string) int {
	behind, exact := slices.BinarySearchFunc(r.runs[from:], placement{node: node, id: id}, func(run []*Endpoint, p placement) int {
		return compareTo(run[0], p)
	})
	if exact {
		return from + behind
	}
	return from + max(behind-1, 0)
}

// with returns the roster with the placements made, which it sorts.
func (r roster) with(list []placement) roster {
	sortPlacements(list)
	if len(r.runs) == 0 {
		return roster{appendRuns(nil, splice(nil, list))}
	}
	out := make([][]*Endpoint, 0, len(r.runs)+len(list)/maxRun+1)
	next := 0
	for len(list) > 0 {
		at := r.home(next, list[0].node, list[0].id)
		here := len(list)
		if at+1 < len(r.runs) {
			here, _ = slices.BinarySearchFunc(list, r.runs[at+1][0], func(p placement, e *Endpoint) int { return -compareTo(e, p) })
		}
		out = append(out, r.runs[next:at]...)
		out = appendRuns(out, splice(r.runs[at], list[:here]))
		next, list = at+1, list[here:]
	}
	return roster{append(out, r.runs[next:]...)}
}

// appendRuns appends what a run has become, cut or joined with the one before where it has
// become too long or too short.
func appendRuns(runs [][]*Endpoint, run []*Endpoint) [][]*Endpoint {
	if n := len(runs); n > 0 && len(run) < minRun && len(runs[n-1])+len(run) <= maxRun {
		if len(run) > 0 {
			runs[n-1] = slices.Concat(runs[n-1], run)
		}
		return runs
	}
	for parts := (len(run) + maxRun - 1) / maxRun; parts > 1; parts-- {
		cut := len(run) / parts
		runs, run = append(runs, run[:cut:cut]), run[cut:]
	}
	if len(run) > 0 {
		runs = append(runs, run)
	}
	return runs
}
