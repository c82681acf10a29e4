package config

import (
	"errors"
	"testing"
)

func TestLocalityComesFromTheCloudUnlessSaid(t *testing.T) {
	const cloud = `{"v1": {"availability_zone": "eu-1a", "region": "eu-1", "cloud_name": "x"}, "ds": {}}`
	for name, c := range map[string]struct {
		file, given  string
		err          error
		zone, region string
	}{
		"no file":         {err: errors.New("no such file")},
		"the cloud's":     {file: cloud, zone: "eu-1a", region: "eu-1"},
		"said before":     {file: cloud, given: "z9", zone: "z9", region: "eu-1"},
		"not JSON":        {file: `{"v1": `},
		"of another kind": {file: `{"v1": {"availability_zone": 3}}`},
		"no text":         {file: `{"v1": {"availability_zone": "a\nb", "region": "eu-1"}}`, region: "eu-1"},
		"no cloud":        {file: `{"v1": {"availability_zone": null}}`},
	} {
		h := aHost()
		h.read = func(path string) ([]byte, error) {
			if path != instanceData {
				t.Errorf("%s: reads %s", name, path)
			}
			return []byte(c.file), c.err
		}
		overrides := map[string]any{}
		if c.given != "" {
			overrides["zone"] = c.given
		}
		d := assemble(nil, overrides, h)
		if err := d.faults.Err(); err != nil || d.Zone != c.zone || d.Region != c.region {
			t.Errorf("%s: zone %q, region %q, %v", name, d.Zone, d.Region, err)
		}
	}
}
