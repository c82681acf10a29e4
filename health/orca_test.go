package health

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"covey/catalog"
	"covey/catalog/definition"
)

// report is an OrcaLoadReport in base64, as A51 has servers send it.
func report(cpu, rate, errors, queue, application float64) string {
	var b []byte
	double := func(b []byte, number protowire.Number, x float64) []byte {
		return protowire.AppendFixed64(protowire.AppendTag(b, number, protowire.Fixed64Type), math.Float64bits(x))
	}
	b = double(b, 1, cpu)
	b = double(b, 2, .3)                                                           // memory
	b = protowire.AppendVarint(protowire.AppendTag(b, 3, protowire.VarintType), 9) // rps, which is out of use
	b = double(b, 6, rate)
	b = double(b, 7, errors)
	for name, x := range map[string]float64{"queue": queue, "other": 7} {
		entry := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), name)
		b = protowire.AppendBytes(protowire.AppendTag(b, 8, protowire.BytesType), double(entry, 2, x))
	}
	return base64.StdEncoding.EncodeToString(double(b, 9, application))
}

func TestLoadReportsAreReadInEachForm(t *testing.T) {
	whole := catalog.Reading{Rate: 120, Utilisation: .5, Queue: 3}
	binary := report(.9, 120, 0, 3, .5)
	for text, want := range map[string]catalog.Reading{
		"TEXT cpu_utilization=0.9,application_utilization=0.5, rps_fractional=120,named_metrics.queue=3,mem_utilization=0.1": whole,
		"text rps_fractional:120,cpu_utilization:0.5,named_metrics.queue:3,named_metrics.db=1":                               whole,
		`JSON {"cpu_utilization":0.5,"rps_fractional":120,"named_metrics":{"queue":3,"db":9},"request_cost":{"x":1}}`:        whole,
		`JSON {"cpuUtilization":0.9,"applicationUtilization":0.5,"rpsFractional":120,"namedMetrics":{"queue":3}}`:            whole,
		// protobuf's JSON mapping: numbers as strings, null for nothing.
		`JSON {"cpu_utilization":"0.5","rps_fractional":"1.2e2","eps":null,"named_metrics":{"queue":"3","db":"NaN","x":[]}}`:         whole,
		`JSON { "rpsFractional" : "120", "named_metrics": null, "namedMetrics": {"queue": 3}, "cpuUtilization": 5e-1, "eps": "-0" }`: whole,
		`JSON {"utilization":{"gpu":"Infinity"},"mem_utilization":"NaN"}`:                                                            {},
		"BIN " + binary:                         whole,
		"BIN " + strings.TrimRight(binary, "="): whole,
		"JSON {}":                               {},
		"TEXT cpu_utilization=0.4":              {Utilisation: .4},
		// A quarter of the requests failed.
		"TEXT application_utilization=0.5,rps_fractional=8,eps=2": {Rate: 8, Utilisation: .75},
		"BIN " + report(.5, 8, 2, 0, 0):                           {Rate: 8, Utilisation: .75},
		"TEXT cpu_utilization=0.5,rps_fractional=8,eps=800":       {Rate: 8, Utilisation: 1.5},
	} {
		if got, note := readMetrics(text, ""); got == nil || *got != want || note != "" {
			t.Errorf("%s: %+v %s, want %+v", text, got, note, want)
		}
	}
	if got, note := readMetrics("", binary); got == nil || *got != whole || note != "" {
		t.Errorf("a bare report: %+v %s", got, note)
	}
	if got, note := readMetrics("", ""); got != nil || note != "" {
		t.Errorf("no report: %+v %s", got, note)
	}
}

func TestLoadReportsThatAreOfNoUseSayWhy(t *testing.T) {
	for text, want := range map[string]string{
		"0.5":                                           "not with TEXT, JSON or BIN",
		"XML <load/>":                                   "not with TEXT, JSON or BIN",
		"TEXT":                                          "is no name=number",
		"TEXT cpu_utilization":                          "is no name=number",
		"TEXT cpu_utilization=much":                     "is no name=number",
		"TEXT cpu_utilization=NaN":                      "utilisation, NaN, is not in 0..10",
		"TEXT cpu_utilization=-0.5":                     "utilisation, -0.5, is not in 0..10",
		"TEXT application_utilization=-1":               "utilisation, -1, is not in",
		"TEXT cpu_utilization=1e300":                    "utilisation, 1e+300, is not in",
		"TEXT rps_fractional=Inf":                       "rate, +Inf, is not in",
		"TEXT rps_fractional=1,eps=NaN":                 "rate of errors, NaN",
		"TEXT named_metrics.queue=-1":                   "queue, -1, is not in",
		"TEXT eps=1,eps=1":                              `it has "eps" twice`,
		"JSON [1]":                                      "is no JSON object",
		"JSON null":                                     "is no JSON object",
		"JSON {} {}":                                    "is no JSON object",
		`JSON {"cpu_utilization":"NaN"}`:                "cpu_utilization is NaN, which is no load",
		`JSON {"rpsFractional":"Infinity"}`:             "rps_fractional is Infinity, which is no load",
		`JSON {"eps":"-Infinity"}`:                      "eps is -Infinity, which is no load",
		`JSON {"named_metrics":{"queue":"NaN"}}`:        "queue is NaN, which is no load",
		`JSON {"cpu_utilization":"0,5"}`:                `cpu_utilization is "0,5", which is no number`,
		`JSON {"cpu_utilization":""}`:                   `cpu_utilization is "", which is no number`,
		`JSON {"cpu_utilization":" 1"}`:                 `cpu_utilization is " 1", which is no number`,
		`JSON {"cpu_utilization":"1\n"}`:                `which is no number`,
		`JSON {"cpu_utilization":"0x1"}`:                `cpu_utilization is "0x1", which is no number`,
		`JSON {"cpu_utilization":"inf"}`:                `cpu_utilization is "inf", which is no number`,
		`JSON {"cpu_utilization":"true"}`:               `cpu_utilization is "true", which is no number`,
		`JSON {"cpu_utilization":true}`:                 `cpu_utilization is true, which is no number`,
		`JSON {"cpu_utilization":{"a":1}}`:              `which is no number`,
		`JSON {"cpu_utilization":1e999}`:                `cpu_utilization is 1e999, which is no number`,
		`JSON {"cpu_utilization":1,"cpuUtilization":1}`: "it has cpu_utilization twice",
		`JSON {"named_metrics":7}`:                      "named_metrics is 7, which is no object",
		`JSON {"rps_fractional":"-1"}`:                  "rate, -1, is not in",
		"BIN *":                                         "is not base64",
		"BIN AAAA":                                      "is no OrcaLoadReport",
		"BIN CQAAAA":                                    "is no OrcaLoadReport", // it ends within a number
		"BIN " + report(math.NaN(), 1, 0, 0, 0):         "utilisation, NaN, is not in",
		"TEXT " + strings.Repeat("a", 9000):             "it has more than 8192 bytes",
	} {
		got, note := readMetrics(text, "")
		if got != nil || !strings.Contains(note, want) || len(note) > 300 {
			t.Errorf("%.60s: %+v, says %q, want %q", text, got, note, want)
		}
	}
}

func FuzzLoadReports(f *testing.F) {
	for _, seed := range []string{"TEXT cpu_utilization=0.5,eps=1", `JSON {"named_metrics":{"queue":1}}`, "BIN " + report(.1, 2, 3, 4, .5)} {
		f.Add(seed, "")
	}
	f.Add(`JSON {"cpu_utilization":"0.5","eps":null,"namedMetrics":{"queue":"NaN"}}`, "")
	f.Add("", report(.1, 2, 3, 4, .5))
	f.Fuzz(func(t *testing.T, text, binary string) {
		r, note := readMetrics(text, binary)
		if (r == nil) == (note == "") && text+binary != "" {
			t.Errorf("%+v and %q", r, note)
		}
		if r != nil && r.Check() != nil {
			t.Errorf("%+v is not plausible", r)
		}
	})
}

func TestAnHTTPAnswerMayTellTheLoad(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, value, ok := strings.Cut(r.URL.RawQuery, "="); ok {
			w.Header().Set(name, strings.ReplaceAll(value, "+", " "))
		}
		switch r.URL.Path {
		case "/down":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/huge":
			w.Header().Set("endpoint-load-metrics", strings.Repeat("x", 12<<10))
		}
	}))
	t.Cleanup(s.Close)
	want := catalog.Reading{Rate: 8, Utilisation: .5}
	for _, header := range []string{"Endpoint-Load-Metrics=TEXT+cpu_utilization=0.5,rps_fractional=8", "endpoint-load-metrics-bin=" + report(.5, 8, 0, 0, 0)} {
		for _, path := range []string{"/up", "/down"} {
			v := ask(t, definition.Check{HTTP: s.URL + path + "?" + header})
			if !v.answered || v.load == nil || *v.load != want || (v.status == catalog.Passing) != (path == "/up") {
				t.Errorf("%s %s: %+v", path, header, v)
			}
		}
	}
	if v := ask(t, definition.Check{HTTP: s.URL}); !v.answered || v.load != nil {
		t.Errorf("without: %+v", v)
	}
	v := ask(t, definition.Check{HTTP: s.URL + "/up?endpoint-load-metrics=TEXT+cpu_utilization=NaN"})
	if v.status != catalog.Passing || v.load != nil || !strings.Contains(v.output, "its load report is of no use: the reported utilisation, NaN") {
		t.Errorf("an absurd one: %+v", v)
	}
	v = ask(t, definition.Check{HTTP: s.URL + "/huge"})
	if v.status != catalog.Passing || v.load != nil || !strings.Contains(v.output, "more than 8192 bytes") {
		t.Errorf("a huge one: %+v", v)
	}
}

func TestATrailerOfGRPCMayTellTheLoad(t *testing.T) {
	for text, want := range map[string]*catalog.Reading{
		report(.5, 8, 0, 2, 0):        {Rate: 8, Utilisation: .5, Queue: 2},
		"":                            nil,
		report(-1, 8, 0, 0, 0):        nil,
		strings.Repeat("AAAA", 3<<10): nil,
	} {
		at := h2Server(t, false, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if text != "" {
				w.Header().Set(http.TrailerPrefix+orcaBinary, text)
			}
			healthServer(map[string]int{"": 1}).ServeHTTP(w, r)
		}))
		v := ask(t, definition.Check{GRPC: at})
		if v.status != catalog.Passing || !v.answered || (v.load == nil) != (want == nil) || want != nil && *v.load != *want {
			t.Errorf("%.60q: %+v, want %+v", text, v, want)
		}
		if said := strings.Contains(v.output, "its load report is of no use"); said != (text != "" && want == nil) {
			t.Errorf("%.60q: the output is %q", text, v.output)
		}
	}
}

func TestALoadIsHandedOnUntilAnAnswerHasNone(t *testing.T) {
	var loads []string
	cfg := Config{Load: func(id string, r *catalog.Reading) { loads = append(loads, fmt.Sprint(id, r)) }}
	in(t, cfg, func(t *testing.T, b *bench) {
		def := definition.Check{ID: "c", TCP: "s", Interval: time.Hour}
		with := verdict{status: catalog.Passing, answered: true, load: &catalog.Reading{Rate: 5}}
		without := verdict{status: catalog.Passing, answered: true}
		s := &stub{answer: with}
		b.stubs["s"] = s
		b.Set(def, catalog.Critical, "")
		pass(time.Second) // the first run
		run := func(v verdict) {
			s.set(v)
			if err := b.RunNow(t.Context(), "c"); err != nil {
				t.Error(err)
			}
		}
		run(fails) // says nothing, so what was said before holds until it expires
		run(without)
		run(without)
		run(with)
		b.Remove("c")
	})
	if got := strings.Join(loads, ", "); got != "c&{5 0 0 0 0}, c<nil>, c&{5 0 0 0 0}, c<nil>" {
		t.Errorf("told were %s", got)
	}
}
