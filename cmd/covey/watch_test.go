package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func TestWatchPrintsWhatChanges(t *testing.T) {
	const stream = `id: 1
event: hello
data: {"Index":1,"Resumed":false}

id: 2
event: node-joined
data: {"Type":"node-joined","Index":2,"Node":"n2","Address":"10.0.0.2","Status":"passing"}

id: 3
event: health
data: {"Type":"health","Index":3,"Node":"n2","Service":"web","ID":"web-1","Address":"10.0.0.2","Port":80,"Status":"critical","Was":"passing"}

id: 4
event: registered
data: {"Type":"registered","Index":3,"Node":"n2","Service":"api","ID":"a\u001b[2J","Address":"::1","Port":1,"Status":"passing"}

id: 5
event: lost
data: {"Reason":"slow"}

`
	connections := 0
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if connections++; connections%2 == 0 {
			http.Error(w, "that is all", http.StatusGone)
			return
		}
		io.WriteString(w, stream)
	}))
	defer agent.Close()
	t.Setenv("COVEY_HTTP_ADDR", agent.Listener.Addr().String())
	s := newSession()
	code := s.run("watch")
	clock := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d `)
	const want = `node n2 (10.0.0.2): joined, passing
web web-1 on n2 (10.0.0.2:80): passing -> critical
` + "api a\uFFFD[2J on n2 ([::1]:1): registered, passing" + `
changes went by unseen here
`
	if got := clock.ReplaceAllString(s.out.String(), ""); got != want || code != exitFailure || !strings.Contains(s.err.String(), "that is all") {
		t.Errorf("%d %q %s\nwant %q", code, got, &s.err, want)
	}
	s.run("watch", "--json", "web")
	lines := strings.Split(strings.TrimSpace(s.out.String()), "\n")
	if len(lines) != 4 || lines[0] != `{"Type":"node-joined","Index":2,"Node":"n2","Address":"10.0.0.2","Status":"passing"}` || lines[3] != `{"Type":"missed"}` {
		t.Errorf("%q", lines)
	}
	if code := s.run("watch", "--for", "-1s"); code != exitUsage {
		t.Errorf("--for -1s: %d", code)
	}
}
