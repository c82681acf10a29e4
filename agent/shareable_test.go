package agent

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
)

// Whoever is let by without a look at the largest form of its record fits in that too.
func TestWhatIsSharedAsItIsFitsAtItsLargest(t *testing.T) {
	short, long := 0, 0
	for _, notes := range []int{0, 1, 100, 900, catalog.MaxNotes} {
		for n := range catalog.MaxChecks + 1 {
			for _, id := range []string{"i", strings.Repeat("i", catalog.MaxIDLen)} {
				b := newBatch(newRegistry(), time.Now())
				d := definition.Service{ID: id, Name: "web"}
				for i := range n {
					d.Checks = append(d.Checks, definition.Check{ID: fmt.Sprint("c", i), Name: "c", TTL: time.Hour, Notes: strings.Repeat("n", notes)})
				}
				err := b.registerService(d, false, false)
				checks := b.checksOf(id)
				_, payload := b.asShared(id, checks)
				largest := len(catalog.Encode(b.largest(id, checks)))
				if len(payload) < largest {
					short++
				} else {
					long++
				}
				if fits := largest <= catalog.MaxRecord; fits != (err == nil) {
					t.Fatalf("%d checks with notes of %d: %d bytes at its largest, %v", n, notes, largest, err)
				}
			}
		}
	}
	if short == 0 || long == 0 {
		t.Errorf("%d were shared as they are, %d were looked at", short, long)
	}
}
