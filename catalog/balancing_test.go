package catalog

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestBalancingIsReadFromMetadata(t *testing.T) {
	got, err := (Balancing{}).With(map[string]string{
		MetaPolicy: "subset:10", MetaSlowStart: "30s", MetaAggression: "1.5", MetaLoad: "true",
		MetaMaxShare: "25", MetaPanic: "50", MetaPriority: "3", MetaScale: "256", "version": "2", "lb-of-mine": "x",
	})
	want := Balancing{Policy: SubsetOf, Subset: 10, SlowStart: 30 * time.Second, Aggression: 1.5, Load: true, MaxShare: .25, Panic: .5, Priority: 3, Scale: 256}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	// What is not said stays.
	if got, err := want.With(map[string]string{MetaPolicy: "local"}); err != nil || got.Policy != Local || got.SlowStart != want.SlowStart {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestEveryPolicyHasItsName(t *testing.T) {
	for at, name := range policyNames {
		text := name
		if Policy(at) == SubsetOf {
			text += ":3"
		}
		if p, _, err := ParsePolicy(text); err != nil || p != Policy(at) || p.String() != name {
			t.Errorf("%s: %v, %v", text, p, err)
		}
	}
}

func TestWrongBalancingIsToldAndLeavesTheRest(t *testing.T) {
	for key, texts := range map[string][]string{
		MetaPolicy:     {"fastest", "", "subset", "subset:0", "subset:10001", "subset:x", "local:3", "Weighted"},
		MetaSlowStart:  {"30", "-1s", "25h", "soon"},
		MetaAggression: {"0", "-1", "NaN", "Inf", "101"},
		MetaLoad:       {"yes", "2"},
		MetaMaxShare:   {"-1", "101", "NaN", "25%"},
		MetaPanic:      {"-1", "101", "half"},
		MetaPriority:   {"-1", "101", "1.5", "256"},
		MetaScale:      {"-1", "65536", "1.5", "auto"},
	} {
		for _, text := range texts {
			base := Balancing{Policy: Nearest, SlowStart: time.Minute, Aggression: 2, Load: true, MaxShare: .5, Panic: .5, Priority: 1, Scale: 7}
			got, err := base.With(map[string]string{key: text})
			if err == nil || !strings.HasPrefix(err.Error(), key+": ") || got != base {
				t.Errorf("%s = %q: %+v, %v", key, text, got, err)
			}
		}
	}
}

// An older agent meets a policy that only newer ones know.
func TestAnInstanceWithAnUnknownPolicyIsKept(t *testing.T) {
	i := &Instance{ID: "a", Service: "a", Weights: DefaultWeights, Meta: map[string]string{MetaPolicy: "oracle", MetaSlowStart: "5s"}}
	r, err := NewStore(0).Decode(i.Key(), Encode(i))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.(*Packed).Balancing(); got != (Balancing{SlowStart: 5 * time.Second}) {
		t.Errorf("%+v", got)
	}
}

func TestAbsurdLoadsAreRefused(t *testing.T) {
	if l, err := NewLoad(12.34, .5, 3, 0); err != nil || l != (Load{Rate: 123, Utilisation: 500, Queue: 30, Serial: 1}) {
		t.Errorf("%+v, %v", l, err)
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 1e18} {
		for at := range 3 {
			x := [3]float64{1, 1, 1}
			x[at] = bad
			if l, err := NewLoad(x[0], x[1], x[2], 1); err == nil || l.Reported() {
				t.Errorf("%v passed as %+v", x, l)
			}
		}
	}
}

// A report that a peer made up costs the instance the report only.
func TestAnAbsurdLoadFromAPeerIsNone(t *testing.T) {
	for _, l := range []Load{{Rate: math.MaxUint32, Serial: 1}, {Utilisation: math.MaxUint32, Serial: 1}, {Queue: math.MaxUint32, Serial: 1}, {Share: math.MaxUint32, Serial: 1}, {Rate: 1}} {
		b := appendBytes(Encode(&Instance{ID: "a", Service: "a", Weights: DefaultWeights}), fieldLoad, l.append(nil))
		if r, err := Decode("s/a", b); err != nil || r.(*Instance).Load.Reported() {
			t.Errorf("%+v: %+v, %v", l, r, err)
		}
	}
}

func TestAShareIsOfTheRegisteredWeight(t *testing.T) {
	for _, c := range []struct {
		reading Reading
		weight  uint16
		share   uint32
	}{
		{Reading{Share: .75}, 3, 750},
		{Reading{Weight: 6}, 3, 2000},
		{Reading{Weight: 1}, math.MaxUint16, 1}, // not none
		{Reading{Share: MaxShare}, 1, MaxShare * 1000},
		{Reading{Weight: 6}, 0, 0},
		{Reading{Rate: 1}, 1, 0},
	} {
		l, err := c.reading.Load(c.weight, 7)
		if err != nil || l.Share != c.share || l.Measured() != (c.share == 0) {
			t.Errorf("%+v of a weight of %d is %+v, %v", c.reading, c.weight, l, err)
		}
		if back, err := readLoad(l.append(nil)); err != nil || back != l {
			t.Errorf("%+v is read as %+v, %v", l, back, err)
		}
	}
	for _, x := range []float64{-1, math.NaN(), math.Inf(1), MaxShare + 1} {
		for _, r := range []Reading{{Share: x}, {Weight: x}} {
			if r.Check() == nil {
				t.Errorf("%+v is plausible", r)
			}
		}
	}
}
