package httpapi

import (
	"net/http"
	"slices"

	"covey/catalog"
)

func (s *Server) catalogDatacenters(w http.ResponseWriter, r *request) error {
	return s.value(w, r, http.StatusOK, []string{s.cfg.Datacenter})
}

// catalogNodes lists the nodes, those that failed included.
func (s *Server) catalogNodes(r *request) (reading, error) {
	meta := r.nodeMeta()
	f, err := r.filterFor(wireNode{})
	if err != nil {
		return reading{}, err
	}
	return reading{
		key:   r.cacheKey("catalog/nodes"),
		index: (*catalog.View).NodesIndex,
		watch: (*catalog.View).WatchNodes,
		near:  r.params.Get("near"),
		size:  func(v *catalog.View) int { return v.Size().Hosts },
		body: func(v *catalog.View, near *nearness) (any, error) {
			nodes := []wireNode{}
			for h := range v.Hosts() {
				if meta.match(h) {
					nodes = append(nodes, nodeOf(h))
				}
			}
			sortNear(near, nodes, func(n *wireNode) string { return n.Node })
			return kept(f, nodes)
		},
	}, nil
}

// catalogNode is a node with its services by ID, null if unknown.
func (s *Server) catalogNode(r *request) (reading, error) {
	name, err := r.required("node", "node name")
	if err != nil {
		return reading{}, err
	}
	f, err := r.filterFor(wireService{})
	if err != nil {
		return reading{}, err
	}
	return ofHost("catalog/node", name, r, func(v *catalog.View) (any, error) {
		h := v.Host(name)
		if h == nil {
			return nil, nil
		}
		services := map[string]wireService{}
		for e := range v.On(name) {
			services[e.ID()] = endpointService(e)
		}
		services, err := kept(f, services)
		return wireNodeServices{nodeOf(h), services}, err
	}), nil
}

// catalogNodeServices is a node with its services as a list, null if unknown.
func (s *Server) catalogNodeServices(r *request) (reading, error) {
	name, err := r.required("node", "node name")
	if err != nil {
		return reading{}, err
	}
	f, err := r.filterFor(wireService{})
	if err != nil {
		return reading{}, err
	}
	return ofHost("catalog/node-services", name, r, func(v *catalog.View) (any, error) {
		h := v.Host(name)
		if h == nil {
			return nil, nil
		}
		services := []wireService{}
		for e := range v.On(name) {
			services = append(services, endpointService(e))
		}
		services, err := kept(f, services)
		return wireNodeServiceList{nodeOf(h), services}, err
	}), nil
}

// catalogServices maps the names of all services to their tags.
func (s *Server) catalogServices(r *request) (reading, error) {
	meta := r.nodeMeta()
	f, err := r.filterFor(wireCatalogService{})
	if err != nil {
		return reading{}, err
	}
	if len(meta) > 0 || f.expr != nil {
		return s.catalogServicesWhere(r, meta, f), nil
	}
	return reading{
		key:   cacheKey("catalog/services"),
		index: (*catalog.View).NamesIndex,
		watch: (*catalog.View).WatchNames,
		size:  func(v *catalog.View) int { return v.Size().Services },
		body: func(v *catalog.View, _ *nearness) (any, error) {
			names := map[string][]string{}
			for svc := range v.Services() {
				names[svc.Name] = nonNil(svc.Tags)
			}
			return names, nil
		},
	}, nil
}

// catalogServicesWhere does the same for some instances only. Whether a name is in it
// hangs on all that is said of instances and nodes, so its index is that of everything.
func (s *Server) catalogServicesWhere(r *request, meta nodeMeta, f filter) reading {
	return reading{
		key:   r.cacheKey("catalog/services"),
		index: (*catalog.View).Index,
		watch: (*catalog.View).Watch,
		size:  everything,
		body: func(v *catalog.View, _ *nearness) (any, error) {
			names := map[string][]string{}
			for svc := range v.Services() {
				tags, ok, err := tagsWhere(svc, meta, f)
				if err != nil {
					return nil, err
				}
				if ok {
					names[svc.Name] = tags
				}
			}
			return names, nil
		},
	}
}

// catalogService lists the instances of a service, healthy or not.
func (s *Server) catalogService(r *request) (reading, error) {
	name, err := r.required("name", "service name")
	if err != nil {
		return reading{}, err
	}
	tags, meta := r.tags(), r.nodeMeta()
	f, err := r.filterFor(wireCatalogService{})
	if err != nil {
		return reading{}, err
	}
	return ofService("catalog/service", name, r, nil, func(svc *catalog.Service, near *nearness) (any, error) {
		instances := []wireCatalogService{}
		for e := range svc.All() {
			if e.HasTags(tags...) && meta.match(e.Host) {
				instances = append(instances, catalogServiceOf(e))
			}
		}
		sortNear(near, instances, func(i *wireCatalogService) string { return i.Node })
		return kept(f, instances)
	}), nil
}

// tagsWhere are the tags of the instances that a filter lets through on nodes that match;
// ok if there is one at all.
func tagsWhere(svc *catalog.Service, meta nodeMeta, f filter) (tags []string, ok bool, err error) {
	tags = []string{}
	for e := range svc.All() {
		if !meta.match(e.Host) {
			continue
		}
		if f.expr != nil {
			kept, err := f.lets(catalogServiceOf(e))
			if err != nil {
				return nil, false, err
			}
			if !kept {
				continue
			}
		}
		tags, ok = append(tags, e.Tags...), true
	}
	slices.Sort(tags)
	return slices.Compact(tags), ok, nil
}

func catalogServiceOf(e *catalog.Endpoint) wireCatalogService {
	i := e.Instance()
	b := blocksOf(i.Extra)
	return wireCatalogService{
		ID:                       e.Host.ID.String(),
		Node:                     e.Host.Name,
		Address:                  e.Host.Address,
		Datacenter:               e.Host.Datacenter,
		TaggedAddresses:          taggedAddresses(e.Host.Node),
		NodeMeta:                 nonNilMap(e.Host.Meta),
		ServiceKind:              i.Kind,
		ServiceID:                e.ID(),
		ServiceName:              e.Service,
		ServiceTags:              nonNil(e.Tags),
		ServiceAddress:           e.Address(),
		ServiceTaggedAddresses:   nonNilMap(serviceAddresses(i.TaggedAddresses)),
		ServiceWeights:           wireWeights(e.Weights),
		ServiceMeta:              nonNilMap(i.Meta),
		ServicePort:              e.Port,
		ServiceEnableTagOverride: i.EnableTagOverride,
		ServiceProxy:             b.Proxy,
		ServiceConnect:           b.Connect,
		ServiceLocality:          b.Locality,
		CreateIndex:              e.CreateIndex,
		ModifyIndex:              e.ModifyIndex,
	}
}
