package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"covey/catalog"
)

const openAPIFile = "../docs/openapi.json"

func TestEveryRouteIsDescribedAndNoOther(t *testing.T) {
	s, _ := newTestServer(t)
	there := map[string]bool{}
	for _, r := range s.table {
		for _, method := range r.methods {
			name := method + " " + r.path
			there[name] = true
			if o, ok := described[name]; !ok || o.does == "" {
				t.Errorf("%s is not described: add it to described.go, then go test -update", name)
			}
		}
	}
	for name := range described {
		if !there[name] {
			t.Errorf("%s is described and is no route", name)
		}
	}
}

func TestTheDescriptionIsTheOneInTheDocuments(t *testing.T) {
	s, _ := newTestServer(t)
	w := call(s, "GET", "/v1/covey/openapi.json?pretty", "")
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if *update {
		if err := os.WriteFile(openAPIFile, w.Body.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(openAPIFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, w.Body.Bytes()) {
		t.Errorf("%s is not what is served now; if this is meant, go test -update", openAPIFile)
	}
}

// A parameter that the code reads must be in the description, and the other way round.
func TestEveryParameterIsDescribed(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	reads := regexp.MustCompile(`(?:params\.Get|present|boolean|params\.Has)\("([^"]+)"\)|params\["([^"]+)"\]`)
	// These are about every path; token is not to be advertised.
	read := map[string]bool{"recurse": true, "tag": true, "node": true, "service": true, "stale": true}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range reads.FindAllStringSubmatch(string(text), -1) {
			name := m[1] + m[2]
			read[name] = true
			if parameters[name] == "" && name != "token" {
				t.Errorf("%s reads the parameter %q, which is not described", file, name)
			}
		}
	}
	used := map[string]bool{}
	for name, o := range described {
		for p := range strings.FieldsSeq(o.query) {
			used[p] = true
			if parameters[p] == "" {
				t.Errorf("%s has the parameter %q, which is not described", name, p)
			}
		}
	}
	for name := range parameters {
		if !used[name] || !read[name] {
			t.Errorf("the parameter %q: some operation has it: %v, the code reads it: %v", name, used[name], read[name])
		}
	}
}

// schema is as much of a description as is needed to hold answers to it.
type schema struct {
	Ref        string             `json:"$ref"`
	Type       string             `json:"type"`
	Items      *schema            `json:"items"`
	Properties map[string]*schema `json:"properties"`
	Additional *schema            `json:"additionalProperties"`
	Required   []string           `json:"required"`
}

type description struct {
	Paths map[string]map[string]struct {
		Responses map[string]struct {
			Content map[string]struct{ Schema *schema }
		}
	}
	Components struct{ Schemas map[string]*schema }
}

// check returns what in an answer is not as the schema says.
func (d *description) check(at string, s *schema, v any) (faults []string) {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		s = d.Components.Schemas[name]
		if s == nil {
			return []string{at + ": there is no schema " + name}
		}
	}
	kind := map[string]bool{}
	switch v := v.(type) {
	case map[string]any:
		kind["object"] = true
		for name, member := range v {
			inner := s.Properties[name]
			if inner == nil {
				inner = s.Additional
			}
			if inner == nil && s.Type != "" {
				faults = append(faults, at+"."+name+" is not described")
			} else if inner != nil {
				faults = append(faults, d.check(at+"."+name, inner, member)...)
			}
		}
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				faults = append(faults, at+"."+name+" is missing")
			}
		}
	case []any:
		kind["array"] = true
		for i, element := range v {
			if s.Items != nil {
				faults = append(faults, d.check(fmt.Sprintf("%s[%d]", at, i), s.Items, element)...)
			}
		}
	case string:
		kind["string"] = true
	case float64:
		kind["number"], kind["integer"] = true, true
	case bool:
		kind["boolean"] = true
	}
	if s.Type != "" && !kind[s.Type] {
		faults = append(faults, fmt.Sprintf("%s is %v, not of type %s", at, v, s.Type))
	}
	return faults
}

func TestAnswersAreAsTheDescriptionSays(t *testing.T) {
	s, a := newTestServer(t)
	mustRegister(t, s)
	rich := instance("item-service", "item-2", withStatus(catalog.Warning))
	rich.TaggedAddresses = map[string]catalog.ServiceAddress{"lan": {Address: "10.0.0.9", Port: 1}}
	rich.Extra = []byte(`{"Proxy":{"DestinationServiceName":"x"},"Connect":{"Native":true}}`)
	a.addHost("n2", "10.0.0.2", catalog.Alive, rich)
	var d description
	if err := json.Unmarshal(call(s, "GET", "/v1/covey/openapi.json", "").Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("{node}", "n2", "{state}", "any", "{name}", "item-service", "{id}", "item-1", "{key}", "a")
	tried := 0
	for path, methods := range d.Paths {
		ok, isRead := methods["get"]
		answer, isJSON := ok.Responses["200"].Content["application/json"]
		if !isRead || !isJSON || path == "/v1/operator/keyring" {
			continue
		}
		w := call(s, "GET", fill.Replace(path), "")
		if w.Code != 200 && w.Code != 429 && w.Code != 503 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
			continue
		}
		var v any
		if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		tried++
		faults := d.check("", answer.Schema, v)
		slices.Sort(faults)
		for _, f := range faults {
			t.Errorf("%s: %s", path, f)
		}
	}
	if tried < 25 {
		t.Errorf("only %d answers were held to the description", tried)
	}
}
