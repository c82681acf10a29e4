// Where the host stands.

package config

import (
	"encoding/json"

	"covey/catalog"
	"covey/catalog/definition/strict"
)

// instanceData is what cloud-init leaves of the cloud's metadata, by the same keys for
// every cloud.
const instanceData = "/run/cloud-init/instance-data.json"

// settleLocality asks the cloud's metadata for what was not said. What is no zone there is
// none: an agent starts without.
func (d *draft) settleLocality(h host) {
	if d.isGiven("zone") && d.isGiven("region") {
		return
	}
	text, err := h.read(instanceData)
	if err != nil {
		return
	}
	var data struct {
		V1 struct {
			Zone   string `json:"availability_zone"`
			Region string `json:"region"`
		} `json:"v1"`
	}
	if json.Unmarshal(text, &data) != nil {
		return
	}
	fill := func(key string, into *string, found string) {
		if !d.isGiven(key) && catalog.CheckText(found, catalog.MaxPlace) == nil {
			*into = found
		}
	}
	fill("zone", &d.Zone, data.V1.Zone)
	fill("region", &d.Region, data.V1.Region)
}

// locality reads the name of a zone or region.
func locality(into *string, v strict.Value) {
	if v.Text(into) {
		v.Check(catalog.CheckText(*into, catalog.MaxPlace))
	}
}
