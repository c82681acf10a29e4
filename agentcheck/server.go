package agentcheck

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"covey/catalog"
	"covey/internal/fault"
	"covey/lb"
)

// Config of a Server. All must be set.
type Config struct {
	Addr     string // host:port; with port 0 the system chooses
	NodeName string // of this agent: an ID that several nodes have is its own
	Catalog  *catalog.Store
	Balancer *lb.Balancer
	// Lookup tells what DNS answers. It is asked about instances on failed hosts, who are
	// answered where it is this host that is cut off.
	Lookup func(name string, tags []string, qtype string) (lb.Lookup, error)
	Logger *slog.Logger
}

// Server answers until it is closed. Its methods may be called at any time.
type Server struct {
	cfg      Config
	listener net.Listener
	patience time.Duration // see below
	places   places
	running  sync.WaitGroup
	closing  context.Context
	close    context.CancelFunc
}

const (
	// maxConns bounds the connections at once.
	maxConns = 256
	// patience is how long a connection may take in all.
	patience = 2 * time.Second
	// maxLine is how long a question may be: a service, an ID and a node.
	maxLine = 1 << 10
)

// New binds the port.
func New(cfg Config) (*Server, error) {
	l, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		kind := fault.Invalid
		if errors.Is(err, syscall.EADDRINUSE) {
			kind = fault.Conflict
		}
		return nil, fault.New(kind, "agent checks cannot be served on %s: %w; choose another address with --agent-check", cfg.Addr, err)
	}
	s := &Server{cfg: cfg, listener: l, patience: patience}
	s.closing, s.close = context.WithCancel(context.Background())
	return s, nil
}

// Addr is where the server listens.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Run answers until Close, and returns nil then.
func (s *Server) Run() error {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			if s.closing.Err() != nil {
				return nil
			}
			s.cfg.Logger.Warn("a connection for an agent check could not be accepted; trying again", "error", err)
			select {
			case <-time.After(100 * time.Millisecond):
			case <-s.closing.Done():
			}
			continue
		}
		_ = conn.SetDeadline(time.Now().Add(s.patience))
		s.places.take(conn)
		s.running.Go(func() { s.serve(conn) })
	}
}

// Close ends all connections and waits for them.
func (s *Server) Close() error {
	s.close()
	err := s.listener.Close()
	s.running.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// serve answers one question. HAProxy closes the connection when it has the answer.
func (s *Server) serve(conn net.Conn) {
	defer conn.Close()
	defer s.places.leave(conn)
	defer context.AfterFunc(s.closing, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	line, err := bufio.NewReaderSize(io.LimitReader(conn, maxLine), maxLine).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return // it is slow, or gone
	}
	_, _ = io.WriteString(conn, s.answer(strings.TrimSpace(line), time.Now())+"\n")
}
