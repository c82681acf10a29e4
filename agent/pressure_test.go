package agent

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"covey/catalog"
)

func TestThePressureOfTheHostIsRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cpu")
	for text, want := range map[string]float64{ // -1 for none
		"some avg10=1.53 avg60=0.87 avg300=0.73 total=155925\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n": .0153,
		"full avg10=9.00 avg60=0 avg300=0 total=0\nsome avg10=100.00 avg60=0 avg300=0 total=1\n":                1,
		"some avg10=0.00\n":        0,
		"":                         -1,
		"some":                     -1,
		"some avg10=NaN avg60=0":   -1,
		"some avg10=-1 avg60=0":    -1,
		"some avg10=101 avg60=0":   -1,
		"some avg10=1e400 avg60=0": -1,
		"some avg60=3 avg10=1":     -1,
		strings.Repeat("x", 1<<20) + "\nsome avg10=1 ": -1,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		part, known := readPressure(file)
		if known != (want >= 0) || known && math.Abs(part-want) > 1e-9 {
			t.Errorf("%.60q is %v, %v", text, part, known)
		}
	}
	if _, known := readPressure(filepath.Join(t.TempDir(), "none")); known {
		t.Error("a file that is not there tells something")
	}
	if _, err := os.Stat(pressureFile); err == nil && runtime.GOOS == "linux" {
		if part, known := readPressure(pressureFile); !known || part < 0 || part > 1 {
			t.Errorf("this host's is %v, %v", part, known)
		}
	}
}

func TestThePressureIsAFloorOfWhatWasMeasured(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cpu")
	write := func(percent string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("some avg10="+percent+" avg60=0.00\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("60.00")
	p, at := &pressure{file: file}, time.Unix(1e9, 0)
	for _, c := range []struct{ reads, is catalog.Reading }{
		{catalog.Reading{Rate: 8, Utilisation: .2, Queue: 3, Share: .5}, catalog.Reading{Rate: 8, Utilisation: .6, Queue: 3, Share: .5}},
		{catalog.Reading{Rate: 8, Utilisation: .7}, catalog.Reading{Rate: 8, Utilisation: .7}},
		{catalog.Reading{Share: .5}, catalog.Reading{Share: .5}},
		{catalog.Reading{Utilisation: .1}, catalog.Reading{Utilisation: .1}},
	} {
		was := c.reads
		if got := p.floor(&c.reads, at); *got != c.is || c.reads != was {
			t.Errorf("%+v becomes %+v", was, got)
		}
	}
	if p.floor(nil, at) != nil {
		t.Error("no reading became one")
	}
	write("90.00")
	r := catalog.Reading{Rate: 8}
	if got := p.floor(&r, at.Add(pressureHolds/2)).Utilisation; got != .6 {
		t.Errorf("within a second it is read again: %v", got)
	}
	if got := p.floor(&r, at.Add(pressureHolds)).Utilisation; got != .9 {
		t.Errorf("after a second it is %v", got)
	}
	if got := p.floor(&r, at.Add(-time.Hour)).Utilisation; got != .9 {
		t.Errorf("when the clock goes back it is %v", got)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if got := p.floor(&r, at.Add(time.Minute)); got != &r {
		t.Errorf("without the file %+v", got)
	}
}

// What the kernel says of the host is in what other agents are told, if that is asked for.
func TestThePressureIsToldWithTheLoadWhereThatIsOn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cpu")
	if err := os.WriteFile(file, []byte("some avg10=50.00 avg60=0.00\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, on := range []bool{false, true} {
		cfg := testConfig(t.TempDir())
		cfg.LB.HostPressure = on
		x := startAgent(t, cfg, Options{})
		x.pressure.file = file
		if err := x.RegisterService(t.Context(), web(80, ttl("a", catalog.Passing)), false); err != nil {
			t.Fatal(err)
		}
		if err := x.UpdateTTL(t.Context(), "a", catalog.Passing, "", &catalog.Reading{Rate: 16, Utilisation: .25}); err != nil {
			t.Fatal(err)
		}
		x.wantLoad(t, "as measured", 16, 0)
		if got, want := x.endpoint("web-80").Load().Used(), map[bool]float64{false: .248, true: .496}[on]; got != want {
			t.Errorf("with host_pressure = %v the utilisation is told as %v, want %v", on, got, want)
		}
	}
}
