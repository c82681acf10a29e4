package agent

import (
	"cmp"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"covey/health"
)

// metrics reads what the parts of an agent count, when it is asked for; see
// docs/monitoring.md. Labels are fixed: neither services nor nodes are among them, since
// anyone who registers could then add series without end.
type metrics struct{ a *Agent }

// Names and help of what is not in countedMetrics.
var (
	descBuild     = desc("build_info", "1, with the version of the agent.", "version")
	descMembers   = desc("members", "Agents that membership knows, by status.", "status")
	descServices  = desc("catalog_services", "Services in the catalogue.")
	descInstances = desc("catalog_instances", "Instances in the catalogue, by whether their host is up.", "host")
	descLocal     = desc("local_services", "Instances registered on this agent.")
	descEncrypted = desc("gossip_encrypted", "1 if gossip has a key.")
	descChecks    = desc("checks", "Checks of this agent, by kind and status.", "kind", "status")

	descRuns       = desc("check_runs_total", "Runs of checks that began.")
	descSpoilt     = desc("check_runs_spoilt_total", "Runs of checks that said nothing, since the agent lacked what they need.")
	descTimedOut   = desc("check_runs_timed_out_total", "Runs of checks that took longer than their timeout.")
	descPassedOver = desc("check_runs_passed_over_total", "Runs of checks left out, since the one before was still under way.")
	descRunning    = desc("check_runs_running", "Runs of checks under way.")
	descDue        = desc("check_runs_waiting", "Checks that are due and wait for others to end.")
	descLate       = desc("check_lateness_seconds", "How long after they were due runs of checks began.")

	descDNSReplies = desc("dns_replies_total", "DNS replies, by transport.", "transport")
	descDNSAnswers = desc("dns_answers_total", "DNS replies, by type of the question and result.", "type", "rcode")
	descDNSFast    = desc("dns_fast_replies_total", "DNS replies over UDP made of prepared records.")
	descPanicking  = desc("lb_services_in_panic", "Services answered regardless of health, since most of their instances fail.")
	descEjections  = desc("lb_ejections_total", "Instances left out of answers for what callers reported.")
	descPressure   = desc("host_cpu_pressure", "Part of the last ten seconds in which tasks waited for the processor, 0 to 1; NaN if the system does not tell.")
	descUnsaved    = desc("registrations_unsaved", "1 while what is registered here cannot be written to disk.")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("covey_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector. It says nothing, so that the registry checks
// what is collected instead: the table is long, and names would stand twice.
func (m metrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (m metrics) Collect(out chan<- prometheus.Metric) {
	r := reading{out}
	r.gauge(descBuild, 1, m.a.opts.Version)
	counters := m.a.gossip.Counters()
	for name, n := range dnsCounters(m.a.dns.Stats()) {
		counters[name] = n
	}
	for i := range countedMetrics {
		c := &countedMetrics[i]
		value := float64(counters[c.counter])
		if c.milli {
			value /= 1000
		}
		out <- prometheus.MustNewConstMetric(c.desc, c.kind, value, c.labels...)
	}
	m.cluster(r)
	m.checks(r)
	m.answers(r)
}

// reading hands over metrics.
type reading struct{ out chan<- prometheus.Metric }

func (r reading) gauge(d *prometheus.Desc, v float64, labels ...string) {
	r.out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (r reading) counter(d *prometheus.Desc, n uint64, labels ...string) {
	r.out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func (r reading) flag(d *prometheus.Desc, on bool) {
	if on {
		r.gauge(d, 1)
	} else {
		r.gauge(d, 0)
	}
}

// cluster is who is there and what runs there.
func (m metrics) cluster(r reading) {
	members := m.a.countMembers()
	r.gauge(descMembers, float64(members.alive), "alive")
	r.gauge(descMembers, float64(members.leaving), "leaving")
	r.gauge(descMembers, float64(members.failed), "failed")
	r.gauge(descMembers, float64(members.left), "left")
	size := m.a.catalog.View().Size()
	r.gauge(descServices, float64(size.Services))
	r.gauge(descInstances, float64(size.Up), "up")
	r.gauge(descInstances, float64(size.Down), "down")
	r.flag(descEncrypted, len(m.a.cfg.Encrypt) > 0)
	r.gauge(descPanicking, float64(m.a.balancer.Panicking(m.a.catalog.View(), time.Now())))
	r.counter(descEjections, m.a.balancer.Ejections())
}

// checks are those of this agent and how their runs come along.
func (m metrics) checks(r reading) {
	local := m.a.Local()
	r.gauge(descLocal, float64(len(local.Services)))
	r.flag(descUnsaved, m.a.commits.full.Load())
	part, known := m.a.pressure.now(time.Now())
	if !known {
		part = math.NaN()
	}
	r.gauge(descPressure, part)
	counts := map[[2]string]int{}
	for i := range local.Checks {
		c := &local.Checks[i]
		// The kinds are definition's, and those of maintenance.
		counts[[2]string{cmp.Or(c.Type, "other"), c.Status.String()}]++
	}
	for labels, n := range counts {
		r.gauge(descChecks, float64(n), labels[0], labels[1])
	}
	s := m.a.health.Stats()
	r.counter(descRuns, s.Runs)
	r.counter(descSpoilt, s.Spoilt)
	r.counter(descTimedOut, s.TimedOut)
	r.counter(descPassedOver, s.PassedOver)
	r.gauge(descRunning, float64(s.Running))
	r.gauge(descDue, float64(s.Waiting))
	buckets, n := map[float64]uint64{}, uint64(0)
	for i, bound := range health.LatenessBounds {
		n += s.Lateness.Count[i]
		buckets[bound] = n
	}
	n += s.Lateness.Count[len(health.LatenessBounds)]
	r.out <- prometheus.MustNewConstHistogram(descLate, n, s.Lateness.Sum, buckets)
}

// answers are those of DNS.
func (m metrics) answers(r reading) {
	s := m.a.dns.Stats()
	r.counter(descDNSReplies, s.UDP, "udp")
	r.counter(descDNSReplies, s.TCP, "tcp")
	r.counter(descDNSFast, s.Fast)
	for _, a := range s.Answers {
		r.counter(descDNSAnswers, a.N, a.Type, a.Rcode)
	}
}
