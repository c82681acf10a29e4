package definition_test

import (
	"reflect"
	"strings"
	"testing"

	"covey/catalog"
	"covey/catalog/definition"
)

func TestAnLBBlockBecomesMetadata(t *testing.T) {
	for name, body := range map[string]string{
		"as Consul's clients spell": `{"Name":"web","Meta":{"k":"v","lb-policy":"subset:10"},
			"LB":{"Policy":"subset:10","SlowStart":"30s","SlowStartAggression":1.5,"Load":true,"MaxShare":25,"Panic":"50","Priority":2,"SRVWeightScale":256}}`,
		"as files spell": `{"name":"web","meta":{"k":"v"},
			"lb":{"policy":"subset:10","slow_start":"30s","slow_start_aggression":"1.5","load":"true","max_share":"25","panic":50,"priority":2,"srv_weight_scale":"256"}}`,
	} {
		s, err := definition.ServiceFromJSON([]byte(body))
		want := map[string]string{"k": "v", catalog.MetaPolicy: "subset:10", catalog.MetaSlowStart: "30s", catalog.MetaAggression: "1.5",
			catalog.MetaLoad: "true", catalog.MetaMaxShare: "25", catalog.MetaPanic: "50", catalog.MetaPriority: "2", catalog.MetaScale: "256"}
		if err != nil || !reflect.DeepEqual(s.Meta, want) {
			t.Errorf("%s: %v, %v", name, s.Meta, err)
		}
	}
}

func TestAWrongLBBlockIsRefused(t *testing.T) {
	for body, want := range map[string]string{
		`{"Name":"web","LB":{"Policy":"fastest"}}`:                                  "LB.Policy",
		`{"Name":"web","LB":{"Polcy":"local"}}`:                                     "LB.Polcy",
		`{"Name":"web","LB":{"MaxShare":101}}`:                                      "LB.MaxShare",
		`{"Name":"web","LB":{"Priority":[1]}}`:                                      "LB.Priority",
		`{"Name":"web","LB":"local"}`:                                               "LB",
		`{"Name":"web","Meta":{"lb-policy":"fastest"}}`:                             `"fastest"`,
		`{"Name":"web","Meta":{"lb-policy":"local"},"LB":{"Policy":"round-robin"}}`: "give one of them",
		`{"Name":"web","LB":{"Policy":"subset"}}`:                                   "subset:10",
		`{"Name":"web","LB":{"Policy":"local:3"}}`:                                  "only subset",
	} {
		if _, err := definition.ServiceFromJSON([]byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", body, err)
		}
	}
}
