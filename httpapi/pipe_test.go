package httpapi

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"testing"
)

// pipeListener accepts connections in memory, so that a server runs in virtual time.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8500}
}

// startInBubble runs a server in a bubble of synctest, until stop is called.
func startInBubble(t *testing.T, adjust func(*Config)) (s *Server, a *twin, dial func() net.Conn, stop func()) {
	t.Helper()
	a = newTwin()
	c := a.config()
	if adjust != nil {
		adjust(&c)
	}
	s, err := newServer(c)
	if err != nil {
		t.Fatal(err)
	}
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	s.listeners, s.hosts = []net.Listener{l}, newHostList([]string{"127.0.0.1"})
	ran := make(chan error, 1)
	go func() { ran <- s.Run() }()
	dial = func() net.Conn {
		ours, theirs := net.Pipe()
		l.conns <- theirs
		return ours
	}
	return s, a, dial, func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ran; err != nil {
			t.Error(err)
		}
	}
}

// readReply reads one answer and closes its body.
func readReply(t *testing.T, c net.Conn) (int, string) {
	t.Helper()
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text := make([]byte, 4096)
	n, _ := r.Body.Read(text)
	return r.StatusCode, string(text[:n])
}
