package httpapi

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"covey/catalog"
	"covey/internal/fault"
	"covey/lb"
)

// Limits of time and size that no configuration changes.
const (
	maxHeader     = 64 << 10
	headerTimeout = 10 * time.Second // for the client to send a request's header
	bodyTimeout   = 10 * time.Second // and its body
	writeTimeout  = 30 * time.Second // and to take the answer
	idleTimeout   = 5 * time.Minute  // between requests on one connection
	closeGrace    = 3 * time.Second  // for requests under way when the server closes
)

// Config says what a Server serves and where. Fields without a default are required.
type Config struct {
	// Addr is host:port, where port 0 takes any free one, or unix:// and a path.
	Addr    string
	Agent   Agent
	Catalog interface{ View() *catalog.View }
	// Lookup says what DNS answers to a question and why.
	Lookup func(name string, tags []string, qtype string) (lb.Lookup, error)
	// Outcome takes what a caller met at an instance of a service: whether the call went well.
	// node may be "". It is not known if there is no such instance, or several; ejected
	// tells that it is left out of answers from now on.
	Outcome func(service, node, id string, ok bool) (known, ejected bool)

	// Collectors are metrics of the rest of the agent, shown with the API's own.
	Collectors []prometheus.Collector

	Datacenter string
	NodeName   string
	Version    string
	Logger     *slog.Logger // nil discards

	// AllowedHosts are names, without port, that a request's Host may bear besides IP
	// addresses, localhost and the node's name. The list is what keeps a web page from
	// reaching the API by pointing a name of its own here (DNS rebinding); a unix
	// socket, which no page can reach, does without.
	AllowedHosts []string
	// MaxConns is how many connections may be open at once; further ones are told
	// 503 and closed. Each costs about 10 KB, more while it is answered. Default 8192.
	MaxConns int
	// MaxWaiting is how many reads may block at once; further ones are told 503. It
	// should be below MaxConns, so that writes still find a connection. Default 7/8 of
	// MaxConns.
	MaxWaiting int
	// CacheBytes bounds the memory kept in rendered answers. Default 16 MiB.
	CacheBytes int
	// SocketMode is the permission of a unix socket. Default 0600.
	SocketMode fs.FileMode
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.MaxConns = cmp.Or(c.MaxConns, 8192)
	c.MaxWaiting = cmp.Or(c.MaxWaiting, c.MaxConns-c.MaxConns/8)
	c.CacheBytes = cmp.Or(c.CacheBytes, 16<<20)
	c.SocketMode = cmp.Or(c.SocketMode, 0o600)
	return c
}

// Server is the HTTP API of one agent. New binds, Run serves, Close closes and waits.
type Server struct {
	cfg      Config
	log      *slog.Logger
	listener net.Listener
	http     *http.Server
	mux      *http.ServeMux
	hosts    hostList
	origins  *http.CrossOriginProtection
	bodies   *bodyCache
	count    counters
	table    []route // all that there is, as added
	metrics  metrics

	stopping  chan struct{} // closed when Close begins: blocked reads end
	closing   sync.Once
	closeFail error // of the one Close that did the work
}

// New binds cfg.Addr. The error of an address that is taken says what to do about it.
func New(cfg Config) (*Server, error) {
	s, err := newServer(cfg)
	if err != nil {
		return nil, err
	}
	s.listener, err = listen(s.cfg.Addr, s.cfg.SocketMode)
	if err != nil {
		return nil, err
	}
	if s.listener.Addr().Network() != "unix" {
		s.hosts = newHostList(s.listener.Addr(), append([]string{s.cfg.NodeName}, s.cfg.AllowedHosts...))
	}
	return s, nil
}

// newServer makes a server without a socket.
func newServer(cfg Config) (*Server, error) {
	if cfg.Agent == nil || cfg.Catalog == nil || cfg.Lookup == nil || cfg.Outcome == nil {
		return nil, fault.New(fault.Internal, "an HTTP API needs an agent, a catalogue, a lookup and who takes outcomes")
	}
	cfg = cfg.withDefaults()
	s := &Server{
		cfg:      cfg,
		log:      cfg.Logger,
		origins:  http.NewCrossOriginProtection(),
		bodies:   newBodyCache(cfg.CacheBytes),
		stopping: make(chan struct{}),
	}
	if err := s.newRegistry(); err != nil {
		return nil, err
	}
	s.mux = s.routes()
	s.http = &http.Server{
		Handler:           s,
		MaxHeaderBytes:    maxHeader,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		// No ReadTimeout: it would go on running, and end, while a read blocks. Bodies
		// have a deadline of their own, and so has every answer; the one here is for what
		// net/http writes by itself.
		WriteTimeout: maxWait + maxWait/jitterShare + writeTimeout,
		ConnState:    s.admit,
		ErrorLog:     slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Addr is the address that was bound.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Run serves until Close and then returns nil.
func (s *Server) Run() error {
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fault.New(fault.Internal, "serving HTTP on %s: %w", s.Addr(), err)
	}
	return nil
}

// Close stops accepting, ends blocked reads at once with what stands, and waits for
// other requests, though not for long. It may be called more than once, and before Run.
func (s *Server) Close() error {
	s.closing.Do(func() {
		close(s.stopping)
		ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
		defer cancel()
		err := s.http.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = s.http.Close() // who has not finished by now is cut off
		}
		if lerr := s.listener.Close(); lerr != nil && !errors.Is(lerr, net.ErrClosed) {
			err = errors.Join(err, lerr)
		}
		if err != nil {
			s.closeFail = fault.New(fault.Internal, "closing the HTTP API on %s: %w", s.Addr(), err)
		}
	})
	return s.closeFail
}
