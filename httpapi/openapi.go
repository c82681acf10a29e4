package httpapi

import (
	"encoding"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
)

// object is a JSON object of the description; its members are written in order of name.
type object = map[string]any

// openAPI describes the routes as OpenAPI 3.0 has it. Schemas are those of the types that
// are answered, so they cannot say anything else.
func (s *Server) openAPI() object {
	schemas := schemaSet{}
	paths := object{}
	for _, r := range s.table {
		methods := object{}
		for _, method := range r.methods {
			methods[strings.ToLower(method)] = describe(method, r.path, described[method+" "+r.path], schemas)
		}
		paths[r.path] = methods
	}
	return object{
		"openapi": "3.0.3",
		"info": object{
			"title":       "Covey",
			"version":     "1",
			"description": "Consul's discovery API as a Covey agent serves it, and what is Covey's own under /v1/covey.",
		},
		"paths": paths,
		"components": object{
			"schemas":    schemas.named(),
			"parameters": namedParameters(),
			"responses": object{
				"Invalid":   failure("The request cannot be right; the body says why."),
				"Forbidden": failure("A token with another role is wanted, or the host name is not the agent's."),
			},
			"securitySchemes": object{
				"bearer": object{"type": "http", "scheme": "bearer"},
				"consul": object{"type": "apiKey", "in": "header", "name": "X-Consul-Token"},
			},
		},
		"security": []object{{}, {"bearer": []string{}}, {"consul": []string{}}},
	}
}

func failure(what string) object {
	return object{"description": what, "content": object{"text/plain": object{"schema": object{"type": "string"}}}}
}

func describe(method, path string, o operation, schemas schemaSet) object {
	ok := object{"description": "Done."}
	switch reply := o.reply.(type) {
	case nil:
	case string:
		if reply == "" { // the type of an answer that is a string
			ok["content"] = object{"application/json": object{"schema": object{"type": "string"}}}
		} else {
			ok["content"] = object{reply: object{"schema": object{"type": "string"}}}
		}
	default:
		ok["content"] = object{"application/json": object{"schema": schemas.of(reflect.TypeOf(reply))}}
	}
	out := object{
		"summary":     o.does,
		"operationId": strings.ToLower(method) + strings.NewReplacer("/", "-", "{", "", "}", "", ".", "-").Replace(strings.TrimPrefix(path, "/v1")),
		"tags":        []string{tagOf(path)},
		"parameters":  parametersOf(path, o.query),
		"responses": object{
			"200": ok, "400": object{"$ref": "#/components/responses/Invalid"}, "403": object{"$ref": "#/components/responses/Forbidden"},
		},
		"x-covey-role": roleFor(method, path).String(),
	}
	if o.body != "" {
		content := object{"application/json": object{"schema": object{"type": "object"}}}
		if strings.HasPrefix(o.body, "any bytes") {
			content = object{"application/octet-stream": object{"schema": object{"type": "string", "format": "binary"}}}
		}
		out["requestBody"] = object{"description": o.body, "content": content}
	}
	return out
}

// tagOf groups paths by the segment behind the version.
func tagOf(path string) string {
	group, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, "/v1"), "/"), "/")
	return group
}

func parametersOf(path, query string) []object {
	list := []object{}
	for segment := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			list = append(list, object{
				"name": strings.TrimSuffix(name, "}"), "in": "path", "required": true, "schema": object{"type": "string"},
			})
		}
	}
	for name := range strings.FieldsSeq(query) {
		list = append(list, object{"$ref": "#/components/parameters/" + name})
	}
	return list
}

func namedParameters() object {
	out := object{}
	for name, means := range parameters {
		schema := object{"type": "string"}
		if strings.Contains(means, "may be repeated") {
			schema = object{"type": "array", "items": object{"type": "string"}}
		}
		out[name] = object{"name": name, "in": "query", "description": means, "schema": schema}
	}
	return out
}

// schemaSet are the schemas of the structs that were met, by their type.
type schemaSet map[reflect.Type]object

var (
	rawType  = reflect.TypeFor[json.RawMessage]()
	timeType = reflect.TypeFor[time.Time]()
	textType = reflect.TypeFor[encoding.TextMarshaler]()
)

func (set schemaSet) named() object {
	out := object{}
	for t, schema := range set {
		out[schemaName(t)] = schema
	}
	return out
}

// schemaName tells Consul's types, such as Node, from ours, such as CoveyStatus.
func schemaName(t reflect.Type) string {
	if name, ok := strings.CutPrefix(t.Name(), "wire"); ok {
		return name
	}
	return "Covey" + strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
}

// of returns the schema of a type, by reference if it is a struct with a name.
func (set schemaSet) of(t reflect.Type) object {
	switch {
	case t == rawType:
		return object{}
	case t == timeType:
		return object{"type": "string", "format": "date-time"}
	case t.Implements(textType):
		return object{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return set.of(t.Elem())
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return object{"type": "string", "format": "byte"}
		}
		return object{"type": "array", "items": set.of(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": set.of(t.Elem())}
	case reflect.Interface:
		return object{}
	case reflect.Struct:
		if t.Name() == "" {
			return set.structure(t)
		}
		if _, met := set[t]; !met {
			set[t] = nil // a type may hold itself
			set[t] = set.structure(t)
		}
		return object{"$ref": "#/components/schemas/" + schemaName(t)}
	default:
		return object{"type": "integer"}
	}
}

// structure reads the fields as encoding/json does.
func (set schemaSet) structure(t reflect.Type) object {
	properties, required := object{}, []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && tag == "" && f.Type.Kind() == reflect.Struct {
			inner := set.structure(f.Type)
			maps.Copy(properties, inner["properties"].(object))
			if more, ok := inner["required"].([]string); ok {
				required = append(required, more...)
			}
			continue
		}
		if !f.IsExported() || tag == "-" {
			continue
		}
		name := f.Name
		if tag != "" {
			name = tag
		}
		properties[name] = set.of(f.Type)
		if !strings.Contains(options, "omit") {
			required = append(required, name)
		}
	}
	out := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		slices.Sort(required)
		out["required"] = required
	}
	return out
}

// coveyOpenAPI serves the description.
func (s *Server) coveyOpenAPI(w http.ResponseWriter, r *request) error {
	return s.value(w, r, http.StatusOK, s.openAPI())
}
