package httpapi

import (
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"covey/internal/fault"
)

// metrics are the requests as counted for monitoring, by labels that are fixed: the path
// as registered, not as sent; methods and status codes from lists. No client can add a
// series.
type metrics struct {
	routes   []*routeStats
	registry *prometheus.Registry
}

// Labels of what is counted; what is in neither list is "other".
var (
	countedMethods = [...]string{"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"}
	countedCodes   = [...]int{200, 304, 400, 401, 403, 404, 405, 406, 409, 413, 429, statusGone, 500, 501, 503}
)

// requestBuckets are upper bounds in seconds. A read takes well under a millisecond, a
// registration as long as the disk.
var requestBuckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// routeStats counts the requests to one path.
type routeStats struct {
	path     string
	byMethod [len(countedMethods) + 1]methodStats
}

type methodStats struct {
	codes [len(countedCodes) + 1]atomic.Uint64
	first sync.Once
	took  prometheus.Histogram // made before anything is counted in codes
}

var requestTook = prometheus.HistogramOpts{
	Name:    "covey_http_request_duration_seconds",
	Help:    "Time to answer a request, without the time it waited for a change by its own wish.",
	Buckets: requestBuckets,
}

func (m *metrics) route(path string) *routeStats {
	r := &routeStats{path: path}
	m.routes = append(m.routes, r)
	return r
}

func (r *routeStats) observe(method string, status int, took time.Duration) {
	i := position(countedMethods[:], method)
	m := &r.byMethod[i]
	m.first.Do(func() {
		o := requestTook
		o.ConstLabels = prometheus.Labels{"path": r.path, "method": methodLabel(i)}
		m.took = prometheus.NewHistogram(o)
	})
	m.codes[position(countedCodes[:], status)].Add(1)
	m.took.Observe(took.Seconds())
}

func position[T comparable](labels []T, x T) int {
	if i := slices.Index(labels, x); i >= 0 {
		return i
	}
	return len(labels)
}

const otherLabel = "other"

func methodLabel(i int) string {
	if i < len(countedMethods) {
		return countedMethods[i]
	}
	return otherLabel
}

func codeLabel(i int) string {
	if i < len(countedCodes) {
		return strconv.Itoa(countedCodes[i])
	}
	return otherLabel
}

// newRegistry gathers the API's own metrics, those of the process, and the rest of the
// agent's. It is the server's own: nothing is registered for the whole program.
func (s *Server) newRegistry() error {
	s.metrics.registry = prometheus.NewRegistry()
	all := append([]prometheus.Collector{
		apiCollector{s},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	}, s.cfg.Collectors...)
	for _, c := range all {
		if err := s.metrics.registry.Register(c); err != nil {
			return fault.New(fault.Internal, "registering metrics: %w", err)
		}
	}
	return nil
}

// apiCollector reads the API's counts when they are asked for.
type apiCollector struct{ *Server }

var (
	descRequests = prometheus.NewDesc("covey_http_requests_total", "Requests answered, by path as registered, method and status code; 499 is a client that left.",
		[]string{"path", "method", "code"}, nil)
	descRefused = prometheus.NewDesc("covey_http_refused_total", "Requests and connections refused, by reason.", []string{"reason"}, nil)
	descPanics  = prometheus.NewDesc("covey_http_panics_total", "Requests that failed by a fault in the program.", nil, nil)
	descConns   = prometheus.NewDesc("covey_http_connections", "HTTP connections open.", nil, nil)
	descWaiting = prometheus.NewDesc("covey_http_waiting", "Reads that wait for a change.", nil, nil)
	descStreams = prometheus.NewDesc("covey_http_streams", "Clients that read the stream of changes.", nil, nil)
	descLost    = prometheus.NewDesc("covey_http_streams_lost_total", "Clients of the stream that were cut off since they were too slow.", nil, nil)
	descCache   = prometheus.NewDesc("covey_http_cache_total", "Reads answered from rendered answers (hit), or rendered (miss).", []string{"result"}, nil)
)

// Describe implements prometheus.Collector.
func (c apiCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descRequests, descRefused, descPanics, descConns, descWaiting, descStreams, descLost, descCache} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c apiCollector) Collect(out chan<- prometheus.Metric) {
	for _, r := range c.metrics.routes {
		for i := range r.byMethod {
			r.byMethod[i].collect(out, r.path, methodLabel(i))
		}
	}
	st := c.Stats()
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	level := func(d *prometheus.Desc, n uint64) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n))
	}
	count(descRefused, st.HostsRefused, "host")
	count(descRefused, st.SitesRefused, "site")
	count(descRefused, st.ConnsRefused, "connections")
	count(descRefused, st.ClientsRefused, "client")
	count(descRefused, st.WaitsRefused, "waiting")
	count(descRefused, st.TokensRefused, "token")
	count(descPanics, st.Panics)
	count(descCache, st.CacheHits, "hit")
	count(descCache, st.CacheMisses, "miss")
	level(descConns, st.Conns)
	level(descWaiting, st.Waiting)
	level(descStreams, st.Streams)
	count(descLost, st.StreamsLost)
}

// collect gives what there is: a method that nobody used on a path has no series.
func (m *methodStats) collect(out chan<- prometheus.Metric, path, method string) {
	used := false
	for i := range m.codes {
		if n := m.codes[i].Load(); n > 0 {
			used = true
			out <- prometheus.MustNewConstMetric(descRequests, prometheus.CounterValue, float64(n), path, method, codeLabel(i))
		}
	}
	if used {
		out <- m.took
	}
}
