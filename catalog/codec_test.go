package catalog

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func drawInstance(t *rapid.T) *Instance {
	label := rapid.StringMatching(`[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?`)
	text := rapid.StringMatching(`[ -~äß]{0,40}`)
	i := &Instance{
		ID:                rapid.StringMatching(`[!-~]{1,30}`).Draw(t, "id"),
		Service:           label.Draw(t, "service"),
		Address:           rapid.SampledFrom([]string{"", "10.1.2.3", "fd00::1", "host.example"}).Draw(t, "address"),
		Port:              rapid.Uint16().Draw(t, "port"),
		Tags:              rapid.SliceOfN(text, 0, 5).Draw(t, "tags"),
		Meta:              rapid.MapOfN(text, text, 0, 5).Draw(t, "meta"),
		Weights:           Weights{rapid.Uint16().Draw(t, "passing"), rapid.Uint16().Draw(t, "warning")},
		Checks:            rapid.SliceOfN(rapid.Custom(drawCheck), 0, 4).Draw(t, "checks"),
		EnableTagOverride: rapid.Bool().Draw(t, "override"),
		Kind:              text.Draw(t, "kind"),
	}
	if rapid.Bool().Draw(t, "reports") {
		i.Load = Load{
			Rate:        rapid.Uint32Range(0, MaxRate*10).Draw(t, "rate"),
			Utilisation: rapid.Uint32Range(0, MaxUtilisation*1000).Draw(t, "utilisation"),
			Queue:       rapid.Uint32Range(0, MaxQueue*10).Draw(t, "queue"),
			Serial:      rapid.Uint32Range(1, 1<<32-1).Draw(t, "serial"),
		}
	}
	for _, name := range rapid.SliceOfNDistinct(label, 0, 3, rapid.ID).Draw(t, "tagged") {
		if i.TaggedAddresses == nil {
			i.TaggedAddresses = map[string]ServiceAddress{}
		}
		i.TaggedAddresses[name] = ServiceAddress{text.Draw(t, "address"), rapid.Uint16().Draw(t, "port")}
	}
	if rapid.Bool().Draw(t, "extra") {
		i.Extra = []byte(`{"Proxy":{"Mode":"x"}}`)
	}
	if len(i.Tags) == 0 {
		i.Tags = nil
	}
	if len(i.Meta) == 0 {
		i.Meta = nil
	}
	if len(i.Checks) == 0 {
		i.Checks = nil
	}
	return i
}

func drawCheck(t *rapid.T) Check {
	return Check{
		ID:     rapid.StringMatching(`[!-~]{1,20}`).Draw(t, "id"),
		Name:   rapid.StringMatching(`[ -~]{0,20}`).Draw(t, "name"),
		Status: Status(rapid.IntRange(0, 2).Draw(t, "status")),
		Output: rapid.StringMatching(`[ -~\n]{0,60}`).Draw(t, "output"),
		Notes:  rapid.StringMatching(`[ -~\n]{0,20}`).Draw(t, "notes"),
		Type:   "http",

		Withdrawn: rapid.Bool().Draw(t, "withdrawn"),
	}
}

func TestARecordSurvivesTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := drawInstance(t)
		b := Encode(i)
		got, err := Decode(i.Key(), b)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, i) {
			t.Fatalf("%+v came back as %+v", i, got)
		}
		if !bytes.Equal(Encode(got), b) {
			t.Fatal("equal records have other bytes")
		}
		// A newer agent's fields are passed over.
		if _, err := Decode(i.Key(), appendString(b, 2000, "from the future")); err != nil {
			t.Fatal(err)
		}
	})
}

func TestANodeSurvivesTheWire(t *testing.T) {
	n := &Node{
		ID: NewNodeID(), Name: "n1.rack-2", Address: "10.0.0.1", Datacenter: "dc1",
		Meta: map[string]string{"rack": "2"}, TaggedAddresses: map[string]string{"wan": "1.2.3.4"},
		Checks: []Check{{ID: "disk", Name: "disk", Status: Warning, Output: "90 %"}},
		Zone:   "eu-1a", Region: "eu-1",
	}
	got, err := Decode(NodeKey, Encode(n))
	if err != nil || !reflect.DeepEqual(got, n) {
		t.Errorf("%+v came back as %+v, %v", n, got, err)
	}
}

func TestWhatCannotBeTrueIsRefused(t *testing.T) {
	good := Instance{ID: "web", Service: "web", Weights: DefaultWeights}
	with := func(f func(*Instance)) *Instance {
		i := good
		f(&i)
		return &i
	}
	many := make([]string, MaxTags+1)
	for name, i := range map[string]*Instance{
		"no id":            with(func(i *Instance) { i.ID = "" }),
		"a service name":   with(func(i *Instance) { i.Service = "two words" }),
		"an address":       with(func(i *Instance) { i.Address = "10.0.0" }),
		"a long tag":       with(func(i *Instance) { i.Tags = []string{strings.Repeat("x", MaxTagLen+1)} }),
		"many tags":        with(func(i *Instance) { i.Tags = many }),
		"a control char":   with(func(i *Instance) { i.Tags = []string{"a\nb"} }),
		"broken UTF-8":     with(func(i *Instance) { i.Meta = map[string]string{"k": "\xff"} }),
		"extra":            with(func(i *Instance) { i.Extra = []byte(`{`) }),
		"a check's output": with(func(i *Instance) { i.Checks = []Check{{ID: "c", Output: strings.Repeat("x", MaxOutput+1)}} }),
		"a nameless check": with(func(i *Instance) { i.Checks = []Check{{}} }),
	} {
		if _, err := Decode(InstanceKeyPrefix+i.ID, Encode(i)); err == nil {
			t.Errorf("%s passed", name)
		}
	}
	if _, err := Decode("s/other", Encode(&good)); err == nil {
		t.Error("a record under another's key passed")
	}
	if _, err := Decode("z/future", nil); err != ErrUnknownKind {
		t.Errorf("an unknown kind gave %v", err)
	}
	if _, err := Decode(NodeKey, Encode(&Node{ID: NewNodeID(), Name: "n", Address: "nowhere", Datacenter: "dc1"})); err == nil {
		t.Error("a node without an address passed")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("s/web", Encode(&Instance{ID: "web", Service: "web", Port: 80, Tags: []string{"v1"}, Checks: []Check{{ID: "c"}}}))
	f.Add(NodeKey, Encode(&Node{ID: NewNodeID(), Name: "n1", Address: "10.0.0.1", Datacenter: "dc1"}))
	f.Fuzz(func(t *testing.T, key string, b []byte) {
		r, err := Decode(key, b)
		if err != nil {
			return
		}
		again, err := Decode(key, Encode(r))
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Errorf("%+v came back as %+v, %v", r, again, err)
		}
	})
}
