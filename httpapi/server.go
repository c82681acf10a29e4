package httpapi

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
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
	// Addr is host:port, where port 0 takes any free one, or unix:// and a path; "" if there
	// is only TLSAddr, which is host:port and is served with TLS. MaxVersion and NextProtos
	// of TLS are left alone, but HTTP/2 is not spoken: its streams would escape MaxConns.
	Addr    string
	TLSAddr string
	TLS     *tls.Config

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

	// Tokens are who may do what; nil, and whoever reaches the API may do everything.
	Tokens *Tokens

	// AllowedHosts are names, without port, that a request's Host may bear besides IP
	// addresses, localhost and the node's name. The list is what keeps a web page from
	// reaching the API by pointing a name of its own here (DNS rebinding); a unix
	// socket, which no page can reach, does without.
	AllowedHosts []string
	// MaxConns is how many connections may be open at once; further ones are told
	// 503 and closed. Each costs about 10 KB while it blocks, more than twice that otherwise.
	// Default 8192.
	MaxConns int
	// MaxConnsPerClient is how many of them may come from one address of another host, a /64
	// of IPv6; further ones are told 429 and closed. Default 200.
	MaxConnsPerClient int
	// MaxWaiting is how many reads may block at once; further ones are told 503. It
	// should be below MaxConns, so that writes still find a connection. Default 7/8 of
	// MaxConns.
	MaxWaiting int
	// CacheBytes bounds the memory kept in rendered answers. Default 16 MiB.
	CacheBytes int
	// Socket is whose a unix socket is.
	Socket Socket
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.MaxConns = cmp.Or(c.MaxConns, 8192)
	c.MaxConnsPerClient = cmp.Or(c.MaxConnsPerClient, 200)
	c.MaxWaiting = cmp.Or(c.MaxWaiting, c.MaxConns-c.MaxConns/8)
	c.CacheBytes = cmp.Or(c.CacheBytes, 16<<20)
	return c
}

// Server is the HTTP API of one agent. New binds, Run serves, Close closes and waits.
type Server struct {
	cfg       Config
	log       *slog.Logger
	listeners []net.Listener // at least one
	http      *http.Server
	mux       *http.ServeMux
	hosts     hostList
	origins   *http.CrossOriginProtection
	bodies    *bodyCache
	large     *largeAnswers
	count     counters
	table     []route // all that there is, as added
	metrics   metrics
	feed      *feed
	judged    atomic.Pointer[judged] // never nil
	self      func() Status          // as first asked for: for what does not change in an agent's run

	conns     connections
	parking   *parking
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
	if err := s.bind(); err != nil {
		return nil, err
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
		large:    newLargeAnswers(),
		conns:    connections{byClient: map[netip.Prefix]int{}},
		parking:  newParking(),
		stopping: make(chan struct{}),
	}
	s.feed = newFeed(cfg.Catalog.View)
	s.self = sync.OnceValue(cfg.Agent.Status)
	s.SetTokens(cfg.Tokens)
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
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if c, ok := c.(*returned); ok {
				return context.WithValue(ctx, returnedKey{}, c)
			}
			return ctx
		},
		Protocols: protocols(),

		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Run serves until Close and then returns nil.
func (s *Server) Run() error {
	s.parking.addr = s.Addr()
	all := append([]net.Listener{s.parking}, s.listeners...)
	ended := make(chan error, len(all))
	for _, l := range all {
		go func() {
			err := s.http.Serve(l)
			if errors.Is(err, http.ErrServerClosed) {
				err = nil
			} else {
				err = fault.New(fault.Internal, "serving HTTP on %s: %w", l.Addr(), err)
			}
			ended <- err
		}()
	}
	err := <-ended
	if err != nil {
		err = errors.Join(err, s.Close())
	}
	for range len(all) - 1 {
		err = errors.Join(err, <-ended)
	}
	return err
}

// Close stops accepting, ends blocked reads at once with what stands, and waits for
// other requests, though not for long. It may be called more than once, and before Run.
func (s *Server) Close() error {
	s.closing.Do(func() {
		s.http.SetKeepAlivesEnabled(false) // who is answered now does not ask again
		close(s.stopping)
		ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
		defer cancel()
		s.parking.clear(ctx)
		err := s.http.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = s.http.Close() // who has not finished by now is cut off
		}
		s.feed.runner.Wait()
		s.closeListeners() // those that Run did not come to
		_ = s.parking.Close()
		if err != nil {
			s.closeFail = fault.New(fault.Internal, "closing the HTTP API on %s: %w", s.Addr(), err)
		}
	})
	return s.closeFail
}

// protocols are HTTP/1.0 and 1.1.
func protocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	return p
}
