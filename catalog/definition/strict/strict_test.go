package strict

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"covey/internal/fault"
)

// dish has a field of every type that can be read.
type dish struct {
	Name   string
	Hot    bool
	Count  int
	Wait   time.Duration
	Tags   []string
	Meta   map[string]string
	Sides  []dish
	Inner  *dish
	Raw    json.RawMessage
	APIKey string
}

func dishes() *Table[dish] {
	var t *Table[dish]
	read := func(v Value) *dish {
		o, ok := v.Object()
		if !ok {
			return nil
		}
		var d dish
		t.Read(o, &d)
		return &d
	}
	t = NewTable(
		Key[dish]{Name: "Name", Also: []string{"Label"}, Read: func(d *dish, v Value) { v.Text(&d.Name) }},
		Key[dish]{Name: "Hot", Read: func(d *dish, v Value) { v.Bool(&d.Hot) }},
		Key[dish]{Name: "Count", Read: func(d *dish, v Value) { v.Int(&d.Count, 0, 9) }},
		Key[dish]{Name: "WaitTime", Read: func(d *dish, v Value) { v.Duration(&d.Wait) }},
		Key[dish]{Name: "Tags", Read: func(d *dish, v Value) { v.Texts(&d.Tags) }},
		Key[dish]{Name: "Meta", Read: func(d *dish, v Value) { v.TextMap(&d.Meta) }},
		Key[dish]{Name: "Inner", Read: func(d *dish, v Value) { d.Inner = read(v) }},
		Key[dish]{Name: "Raw", Read: func(d *dish, v Value) { d.Raw = v.JSON() }},
		Key[dish]{Name: "Secret", Hidden: true, Read: func(d *dish, v Value) { v.Text(&d.APIKey) }},
		Key[dish]{Name: "Side", Read: func(d *dish, v Value) {
			for side := range v.Each() {
				if s := read(side); s != nil {
					d.Sides = append(d.Sides, *s)
				}
			}
		}},
		Key[dish]{Name: "Sides", Read: func(d *dish, v Value) {
			for side := range v.List() {
				if s := read(side); s != nil {
					d.Sides = append(d.Sides, *s)
				}
			}
		}},
	)
	return t
}

func read(t *testing.T, text string) (dish, []string) {
	t.Helper()
	values, err := ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return readMap(values)
}

func readMap(values map[string]any) (dish, []string) {
	var faults fault.List
	var d dish
	dishes().Read(NewObject("", values, &faults), &d)
	var texts []string
	for _, err := range faults {
		texts = append(texts, err.Error())
	}
	return d, texts
}

func TestEachTypeIsRead(t *testing.T) {
	d, faults := read(t, `{"name":"soup","HOT":true,"count":3,"wait_time":"1m30s","tags":["a","b"],
		"meta":{"k":"v"},"sides":[{"Name":"bread"},null],"inner":{"WaitTime":1500000000},"raw":{"z":1.50,"a":[]}}`)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if d.Name != "soup" || !d.Hot || d.Count != 3 || d.Wait != 90*time.Second || d.Meta["k"] != "v" ||
		!slices.Equal(d.Tags, []string{"a", "b"}) || len(d.Sides) != 1 || d.Sides[0].Name != "bread" ||
		d.Inner.Wait != 1500*time.Millisecond || string(d.Raw) != `{"a":[],"z":1.50}` {
		t.Errorf("read %+v", d)
	}
}

func TestNullIsNotGiven(t *testing.T) {
	d, faults := read(t, `{"Name":null,"Hot":null,"Count":null,"WaitTime":null,"Tags":null,"Meta":null,"Inner":null,"Sides":null}`)
	if len(faults) > 0 || d.Name != "" || d.Inner != nil {
		t.Errorf("read %+v, %v", d, faults)
	}
}

func TestFaultsNameTheirPlaceInTheUsersSpelling(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"name":5}`, `name: must be a string, not a number`},
		{`{"Hot":"yes"}`, `Hot: must be true or false, not a string`},
		{`{"Count":"3"}`, `Count: must be a whole number, not a string`},
		{`{"Count":3.5}`, `Count: 3.5 is not a whole number`},
		{`{"Count":10}`, `Count: 10 is not in 0..9`},
		{`{"Count":-1}`, `Count: -1 is not in 0..9`},
		{`{"Count":1e999}`, `Count: must be a whole number, not a number`},
		{`{"wait_time":"10"}`, `wait_time: "10" is not a duration such as "10s" or "1m30s"`},
		{`{"wait_time":1.5}`, `wait_time: must be a duration such as "10s", not a number`},
		{`{"wait_time":[]}`, `wait_time: must be a duration such as "10s", not a list`},
		{`{"Tags":"a"}`, `Tags: must be a list of strings, not a string`},
		{`{"Tags":["a",{}]}`, `Tags[1]: must be a string, not an object`},
		{`{"Meta":{"a":1}}`, `Meta.a: must be a string, not a number`},
		{`{"Meta":[]}`, `Meta: must be an object of strings, not a list`},
		{`{"Inner":false}`, `Inner: must be an object, not true or false`},
		{`{"Sides":{}}`, `Sides: must be a list, not an object`},
		{`{"Sides":[{"Inner":{"count":11}}]}`, `Sides[0].Inner.count: 11 is not in 0..9`},
		{`{"Nmae":"x"}`, `Nmae: unknown key, did you mean "Name"?`},
		{`{"waittime_":"1s","wait":"1s"}`, `wait: unknown key, did you mean "wait_time"?`},
		{`{"Inner":{"Wait_tiem":1}}`, `Inner.Wait_tiem: unknown key, did you mean "WaitTime"?`},
		{`{"xyzzy":1}`, `xyzzy: unknown key`},
		{`{"secre":1}`, `secre: unknown key`},
		{"{\"a\\nb\":1}", `"a\nb": unknown key`},
		{`{"name":"a","Name":"b"}`, `name: is given already as "Name"`},
		{`{"Label":"a","Name":"b"}`, `Name: is given already as "Label"`},
		{`{"` + strings.Repeat("x", 70) + `":1}`, strings.Repeat("x", 64) + `...: unknown key`},
	} {
		_, faults := read(t, c.text)
		if len(faults) != 1 || faults[0] != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.text, faults, c.want)
		}
	}
}

func TestAllFaultsAreFoundInTheSameOrder(t *testing.T) {
	for range 20 {
		_, faults := read(t, `{"Zed":1,"Tags":1,"Inner":{"Hot":2,"Count":20},"Abc":1}`)
		want := "Abc: unknown key; Inner.Count: 20 is not in 0..9; Inner.Hot: must be true or false, not a number; " +
			"Tags: must be a list of strings, not a number; Zed: unknown key"
		if got := strings.Join(faults, "; "); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}

func TestBlocksServeAsObjectAndAsList(t *testing.T) {
	one, two := map[string]any{"name": "one"}, map[string]any{"name": "two"}
	d, faults := readMap(map[string]any{"inner": Blocks{one}, "sides": Blocks{one, two}, "raw": Blocks{{"x": Blocks{two}}}})
	if len(faults) > 0 || d.Inner.Name != "one" || len(d.Sides) != 2 || string(d.Raw) != `{"x":{"name":"two"}}` {
		t.Errorf("read %+v, %v", d, faults)
	}
	d, _ = readMap(map[string]any{"sides": Blocks{one}})
	if len(d.Sides) != 1 {
		t.Errorf("one block read as a list of %d", len(d.Sides))
	}
	if _, faults = readMap(map[string]any{"inner": Blocks{one, two}}); len(faults) != 1 || faults[0] != "inner: is given 2 times, may be given once" {
		t.Errorf("got %v", faults)
	}
}

func TestEachIsTheValueOrItsBlocks(t *testing.T) {
	one, two := map[string]any{"name": "one"}, map[string]any{"name": "two", "hot": 1}
	for _, c := range []struct {
		side  any
		names []string
		fault string
	}{
		{nil, nil, ""},
		{one, []string{"one"}, ""},
		{Blocks{one}, []string{"one"}, ""},
		{Blocks{one, two}, []string{"one", "two"}, "side[1].hot: must be true or false, not a number"},
		{[]any{one}, nil, "side: must be an object, not a list"},
	} {
		d, faults := readMap(map[string]any{"side": c.side})
		var names []string
		for _, side := range d.Sides {
			names = append(names, side.Name)
		}
		if !slices.Equal(names, c.names) || strings.Join(faults, "; ") != c.fault {
			t.Errorf("%v is read as %v, %v", c.side, names, faults)
		}
	}
}

func TestBlocksMarshalAsTheyRead(t *testing.T) {
	text, err := json.Marshal(map[string]any{"none": Blocks{}, "one": Blocks{{"a": 1}}, "two": Blocks{{"a": 1}, {"b": Blocks{{"c": 2}}}}})
	if want := `{"none":[],"one":{"a":1},"two":[{"a":1},{"b":{"c":2}}]}`; err != nil || string(text) != want {
		t.Errorf("got %s, %v, want %s", text, err, want)
	}
}

func TestGoValuesAreReadToo(t *testing.T) {
	d, faults := readMap(map[string]any{"count": 4, "wait_time": time.Second, "tags": []string{"a"}, "meta": map[string]string{"k": "v"}})
	if len(faults) > 0 || d.Count != 4 || d.Wait != time.Second || len(d.Tags) != 1 || d.Meta["k"] != "v" {
		t.Errorf("read %+v, %v", d, faults)
	}
}

func TestParseJSONTakesOneObject(t *testing.T) {
	for text, want := range map[string]string{
		``:             `must be a JSON object, but is empty`,
		" \n":          `must be a JSON object, but is empty`,
		`[]`:           `must be a JSON object, not a list`,
		`null`:         `must be a JSON object, not null`,
		`{"a":`:        `the JSON ends before it is complete`,
		"{\n\"a\" 1}":  `line 2: not JSON: invalid character '1' after object key`,
		"{}\n\n{}":     `line 3: nothing may follow the JSON object`,
		"{} x":         `line 1: nothing may follow the JSON object`,
		"{\"a\":\n,\n": `line 2: not JSON: invalid character ',' looking for beginning of value`,
	} {
		_, err := ParseJSON([]byte(text))
		if err == nil || err.Error() != want || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	if _, err := ParseJSON([]byte(" {} \n")); err != nil {
		t.Error(err)
	}
}

func TestAKeyGivenTwiceIsRefusedByName(t *testing.T) {
	for text, want := range map[string]string{
		`{"Name":"p1","Name":"p2"}`:                  `Name: is given twice, again on line 1`,
		`{"a":1,"a":1}`:                              `a: is given twice, again on line 1`,
		"{\"a\":1,\n\"b\":{\"c\":2},\n\"a\":null}":   `a: is given twice, again on line 3`,
		`{"Checks":[{},{"Name":"x","Name":"y"}]}`:    `Checks[1].Name: is given twice, again on line 1`,
		`{"a":{"b":{"c":1,"d":2,"c":{}}}}`:           `a.b.c: is given twice, again on line 1`,
		`{"\u0061":1e999,"a":2}`:                     `a: is given twice, again on line 1`,
		`{"x\n":1,"x\n":2}`:                          `"x\n": is given twice, again on line 1`,
		`{"b":":","a":{"a":"\":"},"c":[],"c":":\\"}`: `c: is given twice, again on line 1`,
	} {
		_, err := ParseJSON([]byte(text))
		if err == nil || err.Error() != want || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	for _, text := range []string{`{"a":{"a":[{"a":1},{"a":2}]},"A":":"}`, `{":":"a\":\\","\\":{}}`} {
		if _, err := ParseJSON([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// What the count says of an object, reading it by tokens says too.
func FuzzRepeatedKeys(f *testing.F) {
	f.Add(`{"a":1,"a":2}`)
	f.Add(`{"a":{"b:":"\"\\:"},"\u0061b":[{"a":1},{"a":":"}]}`)
	f.Add("{\"\xff\":1,\"\xfe\":2}")
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) {
			return
		}
		_, err := ParseJSON([]byte(text))
		if repeated := firstRepeated([]byte(text)); strings.HasPrefix(text, "{") && (err == nil) != (repeated == nil) {
			t.Errorf("%q: %v, and by tokens %v", text, err, repeated)
		}
	})
}

func TestEmptyIsWhatClientsSendForUnusedFields(t *testing.T) {
	for _, text := range []string{`null`, `""`, `0`, `0.0`, `false`, `[]`, `{}`, `{"a":"","b":{"c":0}}`} {
		if !empty(parse(t, text)) {
			t.Errorf("%s is not empty", text)
		}
	}
	for _, text := range []string{`"x"`, `1`, `true`, `[0]`, `{"a":1}`} {
		if empty(parse(t, text)) {
			t.Errorf("%s is empty", text)
		}
	}
}

func TestOffIsEmptyOrNotEnabled(t *testing.T) {
	off := map[string]any{
		"null": nil, "false": false, "zero": 0, "none": Blocks{}, "off": map[string]any{"Enabled": false, "port": 1},
		"block": Blocks{{"enabled": false, "x": "y"}},
	}
	on := map[string]any{
		"true": true, "word": "false", "minus": -1, "on": map[string]any{"enabled": true}, "other": Blocks{{"enable": false, "x": "y"}},
		"two": Blocks{{"enabled": false}, {"enabled": false}},
	}
	for want, values := range map[bool]map[string]any{true: off, false: on} {
		for name, raw := range values {
			if v := (Value{raw: raw}); v.Off() != want {
				t.Errorf("%s: %v is off: %v", name, raw, v.Off())
			}
		}
	}
	if !(Value{raw: json.Number("-1")}).Is(-1) || (Value{raw: "-1"}).Is(-1) || (Value{}).Is(0) {
		t.Error("a number is not told from others")
	}
}

func parse(t *testing.T, text string) any {
	t.Helper()
	values, err := ParseJSON([]byte(`{"v":` + text + `}`))
	if err != nil {
		t.Fatal(err)
	}
	return values["v"]
}

func TestSnakeKeepsAcronymsWhole(t *testing.T) {
	for name, want := range map[string]string{
		"TLSSkipVerify": "tls_skip_verify", "CheckID": "check_id", "HTTP": "http", "H2PING": "h2ping",
		"DeregisterCriticalServiceAfter": "deregister_critical_service_after", "OSService": "os_service",
		"GRPCUseTLS": "grpc_use_tls", "node_name": "node_name",
	} {
		if got := snake(name); got != want {
			t.Errorf("snake(%s) = %s, want %s", name, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"node_name", "node_id", "bind_addr", "ports", "http", "dns", "retry_join", "client_addr"}
	for word, want := range map[string]string{
		"htpp": "http", "NodeNam": "node_name", "node_di": "node_id", "port": "ports", "client": "client_addr",
		"retryjion": "retry_join", "bind_address": "bind_addr", "zzz": "", "x": "", "": "", "dnss": "dns", "quux": "",
	} {
		if got := Nearest(word, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
