// The keys of an lb block, which is metadata under other names.

package definition

import (
	"strconv"

	"covey/catalog"
	"covey/catalog/definition/strict"
)

// balancing is an lb block while it is read, by the keys of the metadata.
type balancing map[string]string

var balancingTable = strict.NewTable(
	balancingKey("Policy", catalog.MetaPolicy),
	balancingKey("SlowStart", catalog.MetaSlowStart),
	balancingKey("SlowStartAggression", catalog.MetaAggression),
	balancingKey("Load", catalog.MetaLoad),
	balancingKey("MaxShare", catalog.MetaMaxShare),
	balancingKey("Panic", catalog.MetaPanic),
	balancingKey("Priority", catalog.MetaPriority),
	balancingKey("SRVWeightScale", catalog.MetaScale),
)

func balancingKey(name, meta string) strict.Key[balancing] {
	return strict.Key[balancing]{Name: name, Read: func(b *balancing, v strict.Value) {
		if !v.Given() {
			return
		}
		text, ok := scalar(v)
		if !ok {
			v.Fault("must be a string, a number or true or false")
			return
		}
		_, err := catalog.Balancing{}.With(map[string]string{meta: text})
		v.Check(err)
		(*b)[meta] = text
	}}
}

// scalar is a value as one writes it in metadata.
func scalar(v strict.Value) (string, bool) {
	raw := string(v.JSON())
	if text, err := strconv.Unquote(raw); err == nil {
		return text, true
	}
	return raw, raw[0] != '{' && raw[0] != '['
}

// ReadBalancing reads an lb block and returns the metadata that says the same.
func ReadBalancing(o *strict.Object) map[string]string {
	b := balancing{}
	balancingTable.Read(o, &b)
	return b
}

// balance puts the lb block into the metadata, where what holds of both is checked.
func (d *serviceDraft) balance(o *strict.Object) {
	for key, text := range sorted(d.balancing) {
		if other, given := d.Meta[key]; given && other != text {
			o.Fault("Meta", "%s is %q there and %q in LB: give one of them", key, other, text)
			continue
		}
		if d.Meta == nil {
			d.Meta = make(map[string]string, len(d.balancing))
		}
		d.Meta[key] = text
	}
	if len(d.Meta) > catalog.MaxMeta && len(d.balancing) > 0 {
		o.Fault("LB", "is kept in Meta, which has %d keys with it and may have %d", len(d.Meta), catalog.MaxMeta)
	}
}
