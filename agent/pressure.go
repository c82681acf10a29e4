package agent

import (
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"covey/catalog"
)

// pressure is how scarce the processor is on this host: the part of the last ten seconds in
// which some task waited for it, as Linux counts it (PSI, Documentation/accounting/psi.rst).
// Other systems, and kernels that do not count, tell nothing. It is safe for concurrent use.
type pressure struct {
	file string

	mu    sync.Mutex // guards what follows
	read  time.Time  // when it was
	part  float64    // 0..1
	known bool
}

const (
	pressureFile = "/proc/pressure/cpu"
	// pressureHolds is how long a figure is good: the kernel makes a new one each two seconds.
	pressureHolds = time.Second
)

// now returns the part of time in which a task waits, and whether the system tells it.
func (p *pressure) now(now time.Time) (part float64, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if age := now.Sub(p.read); p.read.IsZero() || age < 0 || age >= pressureHolds {
		p.read = now
		p.part, p.known = readPressure(p.file)
	}
	return p.part, p.known
}

// floor is r with at least the host's pressure for its utilisation. An instance that was not
// measured stays so.
func (p *pressure) floor(r *catalog.Reading, now time.Time) *catalog.Reading {
	if r == nil || r.Rate == 0 {
		return r
	}
	if part, known := p.now(now); known && part > r.Utilisation {
		raised := *r
		raised.Utilisation = part
		return &raised
	}
	return r
}

// readPressure reads a line such as "some avg10=1.53 avg60=0.87 avg300=0.73 total=155925".
func readPressure(file string) (part float64, known bool) {
	f, err := os.Open(file)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 512))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(line, "some avg10=")
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		percent, err := strconv.ParseFloat(number, 64)
		if err != nil || math.IsNaN(percent) || percent < 0 || percent > 100 {
			return 0, false
		}
		return percent / 100, true
	}
	return 0, false
}
