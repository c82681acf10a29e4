package httpapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"covey/catalog"
)

// nowhere takes an answer without keeping it.
type nowhere struct{ header http.Header }

func (w *nowhere) Header() http.Header         { return w.header }
func (w *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (w *nowhere) WriteHeader(int)             {}

// BenchmarkHealthService is a read of the handler alone, without net/http's share.
func BenchmarkHealthService(b *testing.B) {
	for _, n := range []int{1, 10, 1000} {
		for _, cached := range []bool{true, false} {
			b.Run(fmt.Sprintf("instances=%d/cached=%v", n, cached), func(b *testing.B) {
				s, a := newTestServer(b)
				for i := range n {
					a.addHost(fmt.Sprintf("h%04d", i), "10.0.0.2", catalog.Alive,
						instance("web", "web", withStatus(catalog.Passing)))
				}
				if !cached {
					s.bodies = newBodyCache(0)
				}
				r := httptest.NewRequest("GET", "/v1/health/service/web?passing=1", nil)
				r.Host = "localhost"
				w := &nowhere{http.Header{}}
				b.ReportAllocs()
				for b.Loop() {
					clear(w.header)
					s.ServeHTTP(w, r)
				}
			})
		}
	}
}
