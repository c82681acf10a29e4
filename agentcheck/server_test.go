package agentcheck

import (
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"covey/catalog"
)

func startServer(t *testing.T) *Server {
	t.Helper()
	return startPatient(t, patience)
}

func startPatient(t *testing.T, patience time.Duration) *Server {
	t.Helper()
	w := newSite()
	w.put("n1", "well", "c", catalog.Passing, nil)
	cfg := w.cfg
	cfg.Addr, cfg.Logger = "127.0.0.1:0", slog.New(slog.DiscardHandler)
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.patience = patience
	ran := make(chan error, 1)
	go func() { ran <- s.Run() }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	return s
}

func dial(t *testing.T, s *Server) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn.(*net.TCPConn)
}

// ask sends text and returns all that comes back.
func ask(t *testing.T, s *Server, text string) string {
	t.Helper()
	conn := dial(t, s)
	_, _ = io.WriteString(conn, text) // what is sent beyond a line may reset the connection
	_ = conn.CloseWrite()
	said, _ := io.ReadAll(conn)
	return string(said)
}

func TestAConnectionIsAnsweredWithALine(t *testing.T) {
	s := startServer(t)
	for text, want := range map[string]string{
		"web/well\n":             "up ready 100%\n",
		"web/well\r\n":           "up ready 100%\n",
		"web/well":               "up ready 100%\n", // and the end of what is sent
		"":                       remark + "\n",
		"\n":                     remark + "\n",
		"\x00\xff\x1b[31m\n":     remark + "\n",
		strings.Repeat("x", 500): remark + "\n",
	} {
		if got := ask(t, s, text); got != want {
			t.Errorf("%.40q is answered %q, want %q", text, got, want)
		}
	}
	if got := ask(t, s, strings.Repeat("web/", 1<<18)); len(got) > 300 {
		t.Errorf("a megabyte without end is answered with %d bytes", len(got))
	}
}

// Those who send nothing, as many as there are places, keep nobody waiting: whoever comes has
// the oldest of them ended.
func TestSilentClientsHoldUpNobody(t *testing.T) {
	s := startPatient(t, time.Hour)
	oldest := dial(t, s)
	for range maxConns {
		dial(t, s)
	}
	for range 3 {
		if got := ask(t, s, "web/well\n"); got != "up ready 100%\n" {
			t.Errorf("answered is %q", got)
		}
	}
	if said, err := io.ReadAll(oldest); len(said) > 0 || err != nil {
		t.Errorf("the oldest is told %q, %v", said, err)
	}
}

func TestAPlaceIsTheOldestsToLose(t *testing.T) {
	var p places
	var conns []*deadline
	for range maxConns + 2 {
		conns = append(conns, &deadline{})
		p.take(conns[len(conns)-1])
	}
	p.leave(conns[0]) // it has none any more
	p.leave(conns[2])
	p.take(&deadline{})
	p.take(&deadline{})
	for i, c := range conns {
		if want := i < 2 || i == 3; c.over != want {
			t.Errorf("connection %d is ended: %v", i, c.over)
		}
	}
	if len(p.conns) != maxConns {
		t.Errorf("%d places are taken", len(p.conns))
	}
}

// deadline is a connection that knows whether it was ended.
type deadline struct {
	net.Conn
	over bool
}

func (d *deadline) SetDeadline(at time.Time) error {
	d.over = at.Before(time.Now())
	return nil
}

func TestCloseEndsConnections(t *testing.T) {
	s := startServer(t)
	conn := dial(t, s)
	ask(t, s, "\n") // so that conn was accepted
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if said, _ := io.ReadAll(conn); len(said) > 0 {
		t.Errorf("after Close came %q", said)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

func TestAPortThatIsTakenSaysSo(t *testing.T) {
	s := startServer(t)
	cfg := s.cfg
	cfg.Addr = s.Addr()
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "choose another address with --agent-check") {
		t.Errorf("a second server: %v", err)
	}
}
