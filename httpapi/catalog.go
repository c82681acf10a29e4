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
	return reading{
		key:   r.cacheKey("catalog/nodes"),
		index: (*catalog.View).NodesIndex,
		watch: (*catalog.View).WatchNodes,
		body: func(v *catalog.View) any {
			nodes := []wireNode{}
			for h := range v.Hosts() {
				if meta.match(h) {
					nodes = append(nodes, nodeOf(h))
				}
			}
			return nodes
		},
	}, nil
}

// catalogNode is a node with its services by ID, null if unknown.
func (s *Server) catalogNode(r *request) (reading, error) {
	name, err := r.required("node", "node name")
	if err != nil {
		return reading{}, err
	}
	return ofHost("catalog/node", name, func(v *catalog.View) any {
		h := v.Host(name)
		if h == nil {
			return nil
		}
		services := map[string]wireService{}
		for _, e := range v.On(name) {
			services[e.ID()] = endpointService(e)
		}
		return wireNodeServices{nodeOf(h), services}
	}), nil
}

// catalogNodeServices is a node with its services as a list, null if unknown.
func (s *Server) catalogNodeServices(r *request) (reading, error) {
	name, err := r.required("node", "node name")
	if err != nil {
		return reading{}, err
	}
	return ofHost("catalog/node-services", name, func(v *catalog.View) any {
		h := v.Host(name)
		if h == nil {
			return nil
		}
		services := []wireService{}
		for _, e := range v.On(name) {
			services = append(services, endpointService(e))
		}
		return wireNodeServiceList{nodeOf(h), services}
	}), nil
}

// catalogServices maps the names of all services to their tags.
func (s *Server) catalogServices(r *request) (reading, error) {
	meta := r.nodeMeta()
	if len(meta) > 0 {
		return s.catalogServicesOn(r, meta), nil
	}
	return reading{
		key:   cacheKey("catalog/services"),
		index: (*catalog.View).NamesIndex,
		watch: (*catalog.View).WatchNames,
		body: func(v *catalog.View) any {
			names := map[string][]string{}
			for svc := range v.Services() {
				names[svc.Name] = nonNil(svc.Tags)
			}
			return names
		},
	}, nil
}

// catalogServicesOn does the same for what runs on certain nodes. Whether a name is
// in it hangs on where instances run and on the nodes' metadata, so its index is that
// of everything.
func (s *Server) catalogServicesOn(r *request, meta nodeMeta) reading {
	return reading{
		key:   r.cacheKey("catalog/services"),
		index: (*catalog.View).Index,
		watch: (*catalog.View).Watch,
		body: func(v *catalog.View) any {
			names := map[string][]string{}
			for svc := range v.Services() {
				if tags, ok := tagsOn(svc, meta); ok {
					names[svc.Name] = tags
				}
			}
			return names
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
	return ofService("catalog/service", name, r, nil, func(svc *catalog.Service) any {
		instances := []wireCatalogService{}
		for e := range svc.All() {
			if e.HasTags(tags...) && meta.match(e.Host) {
				instances = append(instances, catalogServiceOf(e))
			}
		}
		return instances
	}), nil
}

// tagsOn are the tags of the instances on nodes that match; ok if there is one at all.
func tagsOn(svc *catalog.Service, meta nodeMeta) (tags []string, ok bool) {
	tags = []string{}
	for e := range svc.All() {
		if meta.match(e.Host) {
			tags, ok = append(tags, e.Tags...), true
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags), ok
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
