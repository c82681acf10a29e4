package health

import (
	"bufio"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
)

// agentTwin answers whoever connects with what it was last told to say.
func agentTwin(t *testing.T, says *atomic.Value) string {
	return raw(t, func(c net.Conn) { io.WriteString(c, says.Load().(string)) })
}

func TestAgentCheckLines(t *testing.T) {
	share := func(x float64) *catalog.Reading { return &catalog.Reading{Share: x} }
	weight := func(x float64) *catalog.Reading { return &catalog.Reading{Weight: x} }
	for line, want := range map[string]struct {
		passing bool
		load    *catalog.Reading
		output  string
	}{
		"up\n":                           {true, nil, "up ready"},
		"up":                             {true, nil, "up ready"},
		"\n":                             {true, nil, "up ready"},
		"UP READY\r\n":                   {true, nil, "up ready"},
		"75%\n":                          {true, share(.75), "up ready 75%"},
		"100%\r\n":                       {true, share(1), "up ready 100%"},
		"250%\n":                         {true, share(2.5), "up ready 250%"},
		"weight:50%\n":                   {true, share(.5), "up ready weight:50%"},
		"Weight:20\n":                    {true, weight(20), "up ready weight:20"},
		"up,\tready ,, 40%  50%\n":       {true, share(.5), "up ready 50%"},
		"up 40% weight:7\n":              {true, weight(7), "up ready weight:7"},
		"up ready 75% maxconn:30\n":      {true, share(.75), "up ready 75% maxconn:30"},
		"down up\n":                      {true, nil, "up ready"},
		"up\rdown\n":                     {true, nil, "up ready"},
		"up\ndown\n":                     {true, nil, "up ready"},
		"maint drain ready\n":            {true, nil, "up ready"},
		"down\n":                         {false, nil, "down ready"},
		"up stopped\n":                   {false, nil, "stopped ready"},
		"fail #out of memory, again\n":   {false, nil, "fail ready #out of memory, again"},
		"down#reason\n":                  {false, nil, `it says "down#reason", of which nothing is a word of the agent-check protocol`},
		"up#1 ready\n":                   {true, nil, `up ready (not understood: "up#1")`},
		"up # down 10%\n":                {true, nil, "up ready # down 10%"},
		"# nothing but words\n":          {true, nil, "up ready # nothing but words"},
		"drain 75%\n":                    {false, share(.75), "up drain 75%"},
		"up maint\n":                     {false, nil, "up maint"},
		"0%\n":                           {false, nil, "up ready 0%"},
		"weight:0\n":                     {false, nil, "up ready weight:0"},
		"up -5%\n":                       {true, nil, `up ready (not understood: "-5%")`},
		"up 5.5% NaN% weight:-1 %\n":     {true, nil, `up ready (not understood: "5.5% NaN% weight:-1 %")`},
		"up 4294967295%\n":               {true, nil, `up ready (not understood: "4294967295%")`},
		"up weight:65536 maxconn:x\n":    {true, nil, `up ready (not understood: "weight:65536 maxconn:x")`},
		"up weight:\n":                   {true, nil, `up ready (not understood: "weight:")`},
		"75\n":                           {false, nil, `it says "75", of which nothing is a word of the agent-check protocol`},
		"HTTP/1.1 400 Bad Request\r\n":   {false, nil, `it says "HTTP/1.1 400 Bad Request", of which nothing is a word of the agent-check protocol`},
		"\x00\xff\x1b[31m\n":             {false, nil, `it says "\x00\xff\x1b[31m", of which nothing is a word of the agent-check protocol`},
		"":                               {false, nil, "it closes the connection without a word"},
		strings.Repeat("up ", 400):       {false, nil, "it sends a line of more than 1023 bytes"},
		strings.Repeat("x", 1000) + "\n": {false, nil, `it says "` + strings.Repeat("x", 64) + `", of which nothing is a word of the agent-check protocol`},
	} {
		var says atomic.Value
		says.Store(line)
		at := agentTwin(t, &says)
		v := ask(t, definition.Check{AgentCheck: at})
		if got := strings.TrimPrefix(v.output, "Agent check "+at+": "); got != want.output || (v.status == catalog.Passing) != want.passing {
			t.Errorf("%.40q: %v, %s", line, v.status, got)
		}
		if (v.load == nil) != (want.load == nil) || v.load != nil && *v.load != *want.load {
			t.Errorf("%.40q: the load is %+v, want %+v", line, v.load, want.load)
		}
	}
}

func TestAnAgentCheckThatCannotBeMadeIsCritical(t *testing.T) {
	closed := raw(t, func(net.Conn) {})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	for at, want := range map[string]string{
		closed:            "it closes the connection without a word",
		l.Addr().String(): "connection refused",
		"169.254.1.1:80":  "may not reach",
		raw(t, func(c net.Conn) { io.WriteString(c, "up"); <-hang }): "no answer within 50ms",
	} {
		v := ask(t, definition.Check{AgentCheck: at, Timeout: 50 * time.Millisecond})
		if v.status != catalog.Critical || v.decided || v.answered || !strings.Contains(v.output, want) {
			t.Errorf("%s: %+v, want %q", at, v, want)
		}
	}
}

// HAProxy's agent-send: what an agent serves several instances by.
func TestAnAgentIsSentWhatItIsToBeSent(t *testing.T) {
	serves := raw(t, func(c net.Conn) {
		switch question, _ := bufio.NewReader(c).ReadString('\n'); question {
		case "web/1\n":
			io.WriteString(c, "up 50%\n")
		case "web/2\n":
			io.WriteString(c, "drain\n")
		default:
			io.WriteString(c, "down #who is "+strings.TrimSpace(question)+"?\n")
		}
	})
	hasty := raw(t, func(c net.Conn) { io.WriteString(c, "up 20%\n") }) // and closes, which resets the connection
	for _, c := range []struct{ at, send, want string }{
		{serves, "web/1\n", "up ready 50%"},
		{serves, "web/2\nweb/1\n", "up drain"},
		{serves, "web/\t\x00é\n", "down ready #who is web/"},
		{hasty, "web/1\n" + strings.Repeat("x", 1000), "up ready 20%"},
	} {
		v := ask(t, definition.Check{AgentCheck: c.at, AgentSend: c.send})
		if !v.decided || !strings.HasPrefix(v.output, "Agent check "+c.at+": "+c.want) {
			t.Errorf("%q: %+v, want %s", c.send, v, c.want)
		}
	}
	v := ask(t, definition.Check{AgentCheck: serves, Timeout: 50 * time.Millisecond})
	if v.decided || !strings.Contains(v.output, "no answer within 50ms") {
		t.Errorf("an agent that waits for a question and gets none: %+v", v)
	}
}

// A line changes what it speaks of, and holds at once, whatever the thresholds; that an
// agent cannot be asked counts by them.
func TestAnAgentCheckRemembersWhatWasSaid(t *testing.T) {
	var says atomic.Value
	says.Store("up ready 50%\n")
	loads := make(chan *catalog.Reading, 100)
	m := startLive(t, Config{Load: func(_ string, r *catalog.Reading) { loads <- r }})
	def := onceIn(definition.Check{AgentCheck: agentTwin(t, &says), SuccessBeforePassing: 5, FailuresBeforeCritical: 5})
	m.Set(def, catalog.Critical, "")
	<-m.reports // of the first run, which no other follows by itself
	<-loads
	for _, step := range []struct {
		says    string
		status  catalog.Status
		share   float64 // 0 for none told
		because string
	}{
		{"up ready 50%\n", catalog.Passing, .5, "all is said"},
		{"drain\n", catalog.Critical, .5, "it drains"},
		{"up\n", catalog.Critical, .5, "up does not end a drain"},
		{"down\n", catalog.Critical, .5, "neither does down"},
		{"ready 20%\n", catalog.Critical, .2, "ready does not undo a down"},
		{"up\n", catalog.Passing, .2, "it is up again"},
		{"", catalog.Passing, 0, "not to be asked counts by the thresholds"},
		{"garbage\n", catalog.Passing, 0, "garbage does as well"},
		{"\n", catalog.Passing, .2, "nothing new"},
	} {
		says.Store(step.says)
		if err := m.RunNow(t.Context(), def.ID); err != nil {
			t.Fatal(err)
		}
		var told *catalog.Reading
		select {
		case told = <-loads:
		default:
		}
		m.Monitor.mu.Lock()
		c := *m.checks[def.ID]
		m.Monitor.mu.Unlock()
		if c.status != step.status || (told == nil) != (step.share == 0) || told != nil && told.Share != step.share {
			t.Errorf("%q: %v %s, told %+v; %s", step.says, c.status, c.output, told, step.because)
		}
	}
}

// A wish to be out of all answers is told as such, and outlives the agent that told it.
func TestAnAgentThatWantsToBeOutSaysMoreThanThatItFails(t *testing.T) {
	var says atomic.Value
	says.Store("up\n")
	m := startLive(t, Config{})
	def := onceIn(definition.Check{AgentCheck: agentTwin(t, &says)})
	m.Set(def, catalog.Critical, "")
	<-m.reports
	for _, step := range []struct {
		says string
		wish bool
	}{
		{"down\n", false}, {"up drain\n", true}, {"fail\n", true}, {"garbage\n", true}, {"", true},
		{"ready\n", false}, {"maint\n", true}, {"stopped ready\n", true}, {"fail\n", false}, {"0%\n", true}, {"weight:0\n", true}, {"down 1%\n", false},
	} {
		says.Store(step.says)
		if err := m.RunNow(t.Context(), def.ID); err != nil {
			t.Fatal(err)
		}
		if r := <-m.reports; r.Status != catalog.Critical || r.Wish != step.wish {
			t.Errorf("%q is reported as %+v", step.says, r)
		}
	}
	says.Store("100% up\n")
	if err := m.RunNow(t.Context(), def.ID); err != nil {
		t.Fatal(err)
	}
	if r := <-m.reports; r.Status != catalog.Passing || r.Wish {
		t.Errorf("who is up again is reported as %+v", r)
	}
}

func FuzzAgentCheckLines(f *testing.F) {
	for _, seed := range []string{"up ready 75%", "down #reason", "weight:3, maxconn:4\tdrain", "0%", "#"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		var w agentWord
		reason, err := w.read(line)
		if err != nil && (w != (agentWord{}) || reason != "") {
			t.Errorf("%v, and yet %+v %q", err, w, reason)
		}
		if w.wish() && w.status() != catalog.Critical {
			t.Errorf("%+v wants to be out and is %v", w, w.status())
		}
		if w.load != nil && (w.load.Check() != nil || w.none()) {
			t.Errorf("%+v asks for %+v", w, w.load)
		}
		again := w
		if _, err := again.read(w.String()); err != nil || again.String() != w.String() || again.status() != w.status() || again.wish() != w.wish() {
			t.Errorf("%+v says %q, which is read as %+v: %v", w, w.String(), again, err)
		}
	})
}
