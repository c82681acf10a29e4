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

// BenchmarkAgentMembers is the list of a thousand members, rendered once or each time.
func BenchmarkAgentMembers(b *testing.B) {
	for _, cached := range []bool{true, false} {
		b.Run(fmt.Sprintf("cached=%v", cached), func(b *testing.B) {
			s, a := newTestServer(b)
			for i := range 1000 {
				a.meet(Member{
					Name: fmt.Sprintf("n3-%04d", i), Addr: "10.0.0.2", Port: 7946, Status: "alive",
					Tags: map[string]string{"dc": "dc1", "build": "0.1.0", "covey": "1", "epoch": "abcdef", "id": "AAAAAAAAAAAAAAAAAAAAAA"},
				})
			}
			if !cached {
				s.bodies = newBodyCache(0)
			}
			r := httptest.NewRequest("GET", "/v1/agent/members", nil)
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
