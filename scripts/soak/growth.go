//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"

	"covey/scripts/measure"
)

// footprint is what an agent holds.
type footprint struct{ residentKB, goroutines, files int }

// footprints are those of the agents that are never ended.
type footprints []footprint

func (f footprints) String() string {
	s := ""
	for i, p := range f {
		if i > 0 {
			s += ", "
		}
		s += fmt.Sprintf("%.1f MB %d goroutines %d files", float64(p.residentKB)/1024, p.goroutines, p.files)
	}
	return s
}

func (c *cluster) footprints() (list footprints, err error) {
	for _, m := range c.members[:steadfast] {
		var f footprint
		if f.residentKB, err = measure.ResidentKB(m.PID()); err != nil {
			return nil, err
		}
		open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", m.PID()))
		if err != nil {
			return nil, err
		}
		f.files = len(open)
		if f.goroutines, err = m.goroutines(); err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

var goroutinesLine = regexp.MustCompile(`(?m)^go_goroutines (\d+)$`)

func (m *member) goroutines() (int, error) {
	r, err := m.Do("GET", "/metrics", nil)
	if err != nil {
		return 0, err
	}
	found := goroutinesLine.FindSubmatch(r.Body)
	if found == nil {
		return 0, fmt.Errorf("%s does not tell how many goroutines it has", m.Node)
	}
	return strconv.Atoi(string(found[1]))
}

// growth is the footprints of all rounds.
type growth []footprints

func (g *growth) add(f footprints) { *g = append(*g, f) }

// judge compares the last quarter of the rounds with the second: in the first, caches and
// the heap fill.
func (g growth) judge() error {
	quarter := len(g) / 4
	if quarter == 0 {
		fmt.Println("too few rounds to tell whether anything grows")
		return nil
	}
	var faults []error
	for agent := range steadfast {
		for _, k := range []struct {
			name  string
			slack int // beside half as much again
			of    func(footprint) int
		}{
			{"kB of memory", 8 << 10, func(f footprint) int { return f.residentKB }},
			{"goroutines", 40, func(f footprint) int { return f.goroutines }},
			{"files", 40, func(f footprint) int { return f.files }},
		} {
			median := func(rounds growth) int {
				var list []int
				for _, f := range rounds {
					list = append(list, k.of(f[agent]))
				}
				slices.Sort(list)
				return list[len(list)/2]
			}
			was, is := median(g[quarter:2*quarter]), median(g[len(g)-quarter:])
			fmt.Printf("agent %d: %d %s, then %d\n", agent, was, k.name, is)
			if is > was+was/2+k.slack {
				faults = append(faults, fmt.Errorf("agent %d grew from %d to %d %s", agent, was, is, k.name))
			}
		}
	}
	return errors.Join(faults...)
}
