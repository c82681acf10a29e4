package agent

import (
	"testing"
	"time"

	"covey/httpapi"
)

func TestRoundTripsAreThoseOfTheCoordinates(t *testing.T) {
	a := startAgent(t, testConfig(t.TempDir()), Options{})
	at := func(x float64) httpapi.NodeCoordinate {
		return httpapi.NodeCoordinate{Coordinate: httpapi.Coordinate{Vec: []float64{x}, Height: .001}}
	}
	if d := a.roundTrip("nobody"); d != 0 {
		t.Errorf("to a node without a coordinate it is %v", d)
	}
	a.coordinates.mu.Lock()
	a.coordinates.read = time.Now()
	a.coordinates.known = httpapi.Coordinates{Serial: 1, Nodes: map[string]httpapi.NodeCoordinate{a.cfg.NodeName: at(0), "far": at(.008)}}
	a.coordinates.mu.Unlock()
	if d := a.roundTrip("Far").Round(time.Microsecond); d != 10*time.Millisecond {
		t.Errorf("it is %v", d)
	}
	delete(a.coordinates.known.Nodes, a.cfg.NodeName)
	if d := a.roundTrip("far"); d != 0 {
		t.Errorf("from a node without a coordinate it is %v", d)
	}
}
