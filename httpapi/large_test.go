package httpapi

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"covey/catalog"
)

// withMany is a server that knows a service of so many instances that its list is large.
func withMany(t *testing.T) *Server {
	t.Helper()
	s, a := newTestServer(t)
	var many []*catalog.Instance
	for i := range largeRead {
		many = append(many, instance("web", "web-"+strconv.Itoa(i)))
	}
	a.addHost("n2", "10.0.0.2", catalog.Alive, many...)
	return s
}

// slowly asks for something and takes the first of the answer only; rest lets it go on.
func slowly(s *Server, target string) (begun chan struct{}, rest func() *httptest.ResponseRecorder) {
	w := &halting{ResponseRecorder: httptest.NewRecorder(), begun: make(chan struct{}), let: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1"+target, nil))
	}()
	return w.begun, func() *httptest.ResponseRecorder { close(w.let); <-done; return w.ResponseRecorder }
}

// halting is a client that takes nothing until it is let.
type halting struct {
	*httptest.ResponseRecorder
	begun, let chan struct{}
}

func (w *halting) Write(b []byte) (int, error) {
	close(w.begun)
	<-w.let
	return w.ResponseRecorder.Write(b)
}

// Clients that ask for much, each for something else, and take it slowly, must not fill the
// memory; those that ask for the same share it.
func TestLargeAnswersUnderWayAreBounded(t *testing.T) {
	s := withMany(t)
	begun, rest := slowly(s, "/v1/health/service/web")
	<-begun
	one := s.large.bytes
	if one < largeBody {
		t.Fatalf("an answer of %d bytes is none of the large", one)
	}
	s.large.limit = 2 * one
	begun2, rest2 := slowly(s, "/v1/health/service/web")
	<-begun2
	if s.large.bytes != one {
		t.Errorf("two of one answer take %d bytes, not %d", s.large.bytes, one)
	}
	begun3, rest3 := slowly(s, "/v1/health/service/web?tag=&filter=Service.Port+!=+1")
	<-begun3
	if w := call(s, "GET", "/v1/health/service/web?pretty", ""); w.Code != 503 || !strings.Contains(w.Body.String(), "being sent") {
		t.Errorf("a third: %d %.100s", w.Code, w.Body)
	}
	if w := call(s, "GET", "/v1/health/service/none", ""); w.Code != 200 {
		t.Errorf("a small one: %d %s", w.Code, w.Body)
	}
	a, b, c := rest(), rest2(), rest3()
	if a.Code != 200 || !bytes.Equal(a.Body.Bytes(), b.Body.Bytes()) || c.Code != 200 {
		t.Errorf("%d, %d, %d; %d and %d bytes", a.Code, b.Code, c.Code, a.Body.Len(), b.Body.Len())
	}
	if s.large.bytes != 0 || len(s.large.sent) != 0 || s.large.sending.Load() != 0 {
		t.Errorf("%d bytes in %d answers are left", s.large.bytes, len(s.large.sent))
	}
	if w := call(s, "GET", "/v1/health/service/web?pretty", ""); w.Code != http.StatusOK {
		t.Errorf("afterwards: %d", w.Code)
	}
}

func TestLargeAnswersAreMadeByFewAtATime(t *testing.T) {
	s := withMany(t)
	for range cap(s.large.makers) {
		s.large.makers <- struct{}{}
	}
	waiting := make(chan *httptest.ResponseRecorder, maxLargeQueue)
	ask := func(i int) *httptest.ResponseRecorder {
		return call(s, "GET", "/v1/health/service/web?filter=Service.Port+!=+"+strconv.Itoa(i), "")
	}
	for i := range maxLargeQueue {
		go func() { waiting <- ask(i) }()
	}
	for ; s.large.queue.Load() < maxLargeQueue; runtime.Gosched() {
		if len(waiting) > 0 {
			t.Fatalf("one did not wait: %d", (<-waiting).Code)
		}
	}
	if w := ask(maxLargeQueue); w.Code != 503 || !strings.Contains(w.Body.String(), "being made") {
		t.Errorf("one too many: %d %.100s", w.Code, w.Body)
	}
	if w := call(s, "GET", "/v1/health/service/item-service", ""); w.Code != 200 {
		t.Errorf("a small one: %d %s", w.Code, w.Body)
	}
	for range cap(s.large.makers) {
		<-s.large.makers
	}
	for range maxLargeQueue {
		if w := <-waiting; w.Code != 200 {
			t.Errorf("one that waited: %d %.100s", w.Code, w.Body)
		}
	}
	if n := s.large.queue.Load(); n != 0 {
		t.Errorf("%d are still counted", n)
	}
}
