package httpapi

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"covey/internal/fault"
)

// wireMetrics is Consul's. Where Consul shows the last ten seconds, this is since the
// start: who wants rates asks twice, or lets Prometheus do so.
type wireMetrics struct {
	Timestamp string
	Gauges    []wireGauge
	Points    []wireGauge // always empty
	Counters  []wireSample
	Samples   []wireSample
}

type wireGauge struct {
	Name   string
	Value  float64
	Labels map[string]string
}

// wireSample lacks nothing that Consul's has; what is not known is 0.
type wireSample struct {
	Name   string
	Count  uint64
	Rate   float64
	Sum    float64
	Min    float64
	Max    float64
	Mean   float64
	Stddev float64
	Labels map[string]string
}

// agentMetrics shows all metrics in Consul's form, or in Prometheus's.
func (s *Server) agentMetrics(w http.ResponseWriter, r *request) error {
	switch format := r.params.Get("format"); format {
	case "":
		m, err := s.wireMetrics()
		if err != nil {
			return err
		}
		return s.value(w, r, http.StatusOK, m)
	case "prometheus":
		return s.prometheus(w, r)
	default:
		return fault.Field("format", "%q is not prometheus; leave it out for JSON", format)
	}
}

// prometheus shows all metrics in the format of Prometheus that the client asks for.
func (s *Server) prometheus(w http.ResponseWriter, r *request) error {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
	promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{DisableCompression: true, EnableOpenMetrics: true}).ServeHTTP(w, r.Request)
	return nil
}

func (s *Server) wireMetrics() (*wireMetrics, error) {
	families, err := s.metrics.registry.Gather()
	if err != nil {
		return nil, fault.New(fault.Internal, "gathering metrics: %w", err)
	}
	now := time.Now()
	out := &wireMetrics{
		Timestamp: now.UTC().Truncate(10 * time.Second).Format("2006-01-02 15:04:05 -0700 MST"),
		Gauges:    []wireGauge{}, Points: []wireGauge{}, Counters: []wireSample{}, Samples: []wireSample{},
	}
	up := max(1, now.Sub(s.self().Started).Seconds())
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			sample := wireSample{Name: f.GetName(), Labels: labels}
			switch {
			case m.Counter != nil:
				sample.Count, sample.Sum = uint64(m.Counter.GetValue()), m.Counter.GetValue()
			case m.Histogram != nil:
				sample.Count, sample.Sum = m.Histogram.GetSampleCount(), m.Histogram.GetSampleSum()
			case m.Summary != nil:
				sample.Count, sample.Sum = m.Summary.GetSampleCount(), m.Summary.GetSampleSum()
			default:
				out.Gauges = append(out.Gauges, wireGauge{f.GetName(), m.GetGauge().GetValue() + m.GetUntyped().GetValue(), labels})
				continue
			}
			sample.Rate = sample.Sum / up
			if m.Counter != nil {
				out.Counters = append(out.Counters, sample)
				continue
			}
			if sample.Count > 0 {
				sample.Mean = sample.Sum / float64(sample.Count)
			}
			out.Samples = append(out.Samples, sample)
		}
	}
	return out, nil
}
