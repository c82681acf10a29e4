package httpapi

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"covey/catalog"
	"covey/internal/fault"
)

// wireCoordinate is a node's coordinate.
type wireCoordinate struct {
	Node    string
	Segment string
	Coord   Coordinate
}

// wireCoordinateMap is the coordinates across datacenters; there is one.
type wireCoordinateMap struct {
	Datacenter  string
	AreaID      string
	Coordinates []wireCoordinate
}

// coordinates lists what this agent knows, by node name, those in the catalogue only.
func coordinates(v *catalog.View, known Coordinates) []wireCoordinate {
	list := make([]wireCoordinate, 0, len(known.Nodes))
	for _, name := range slices.Sorted(maps.Keys(known.Nodes)) {
		if v.Host(name) == nil {
			continue
		}
		list = append(list, coordinateOf(known.Nodes[name]))
	}
	return list
}

func coordinateOf(n NodeCoordinate) wireCoordinate {
	n.Vec = nonNil(n.Vec)
	return wireCoordinate{Node: n.Node, Coord: n.Coordinate}
}

// coordinateDatacenters names this agent's datacenter, without coordinates: those are of
// pools that span several.
func (s *Server) coordinateDatacenters(w http.ResponseWriter, r *request) error {
	return s.value(w, r, http.StatusOK, []wireCoordinateMap{{s.cfg.Datacenter, "wan", []wireCoordinate{}}})
}

// coordinateNodes lists all coordinates. Who blocks is woken when a node comes or goes:
// coordinates themselves drift without end.
func (s *Server) coordinateNodes(w http.ResponseWriter, r *request) error {
	v, err := s.awaitNodes(r)
	if err != nil {
		return err
	}
	known := s.cfg.Agent.Coordinates()
	setReadHeaders(w, r, v.NodesIndex())
	key := cacheKey("coordinate/nodes", strconv.FormatUint(known.Serial, 10))
	return s.shared(w, r, key, v.NodesIndex(), len(known.Nodes), func() (any, error) { return coordinates(v, known), nil })
}

// coordinateNode is the same for one node.
func (s *Server) coordinateNode(w http.ResponseWriter, r *request) error {
	node, err := r.required("node", "node name")
	if err != nil {
		return err
	}
	v, err := s.awaitNodes(r)
	if err != nil {
		return err
	}
	if n, known := s.cfg.Agent.Coordinates().Nodes[strings.ToLower(node)]; known && v.Host(node) != nil {
		setReadHeaders(w, r, v.NodesIndex())
		return s.value(w, r, http.StatusOK, []wireCoordinate{coordinateOf(n)})
	}
	return fault.New(fault.NotFound, "no coordinate of node %q is known to this agent", node)
}

// coordinateUpdate refuses: agents measure one another, and nobody else can.
func (s *Server) coordinateUpdate(http.ResponseWriter, *request) error {
	return fault.New(fault.Forbidden, "coordinates are measured by the agents among themselves, and are not taken from others")
}

// awaitNodes blocks on the list of nodes.
func (s *Server) awaitNodes(r *request) (*catalog.View, error) {
	if segment := r.params.Get("segment"); segment != "" {
		return nil, fault.New(fault.Invalid, "invalid query parameter %q: Covey has no network segments", "segment")
	}
	return s.await(r, reading{index: (*catalog.View).NodesIndex, watch: (*catalog.View).WatchNodes})
}
