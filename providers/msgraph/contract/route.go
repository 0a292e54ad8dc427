package contract

import (
	"net/http"
	"net/url"
	"strings"
)

// route is what the metadata says of one method and path. Empty types mean that
// no JSON is declared there.
type route struct {
	request, response string
	action            *operation // takes its parameters as the request body
	entity            string     // what $select and $expand are about
	raw               bool       // $value: bytes, not JSON
}

// resolve walks a path through the metadata, from an entity set by keys and
// properties to what it ends in.
func (c *Contract) resolve(method, path string) (route, bool) {
	segments := split(path)
	if len(segments) == 0 {
		return route{}, false
	}
	typ := map[string]string{
		"users": "Collection(microsoft.graph.user)", "subscriptions": "Collection(microsoft.graph.subscription)",
	}[strings.ToLower(segments[0])]
	if typ == "" {
		return route{}, false
	}
	for i := 1; i < len(segments); i++ {
		seg := segments[i]
		last := i == len(segments)-1
		if strings.EqualFold(seg, "$value") && last {
			return route{raw: true}, true
		}
		if op := c.bound(seg, typ); op != nil && last {
			inner, _ := element(op.Returns)
			r := route{response: op.Returns, entity: inner}
			if op.Kind == "action" {
				r.action = op
			}
			return r, (op.Kind == "action") == (method == http.MethodPost)
		}
		if inner, many := element(typ); many {
			typ = inner
			continue
		}
		// The cut of the metadata lists no operation of subscriptions.
		if strings.EqualFold(typ, namespace+"subscription") && strings.EqualFold(seg, "reauthorize") && last {
			return route{}, method == http.MethodPost
		}
		next, ok := c.member(typ, seg)
		if !ok {
			return route{}, false
		}
		typ = next
	}
	return ofResource(method, typ)
}

// ofResource is what a plain resource takes and gives by method.
func ofResource(method, typ string) (route, bool) {
	inner, many := element(typ)
	switch method {
	case http.MethodGet:
		return route{response: typ, entity: inner}, true
	case http.MethodPost:
		return route{request: inner, response: inner, entity: inner}, many
	case http.MethodPatch:
		return route{request: typ, response: typ, entity: inner}, !many
	case http.MethodDelete:
		return route{}, !many
	}
	return route{}, false
}

// member finds a property by its name in any case, as paths may have it.
func (c *Contract) member(typ, seg string) (string, bool) {
	for t := c.typeNamed(typ); t != nil; t = c.typeNamed(t.Base) {
		for _, set := range []map[string]string{t.Properties, t.Navigation} {
			for name, p := range set {
				if strings.EqualFold(name, seg) {
					return p, true
				}
			}
		}
		if t.Base == "" {
			break
		}
	}
	return "", false
}

// split takes a path apart: keys in parentheses become segments, empty
// parentheses and the namespace go.
func split(path string) []string {
	var out []string
	for seg := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if s, err := url.PathUnescape(seg); err == nil {
			seg = s
		}
		if len(out) == 0 && (seg == "v1.0" || seg == "") {
			continue
		}
		seg = strings.TrimPrefix(strings.TrimSuffix(seg, "()"), namespace)
		if name, key, ok := strings.Cut(seg, "('"); ok && strings.HasSuffix(key, "')") {
			out = append(out, name, strings.TrimSuffix(key, "')"))
			continue
		}
		out = append(out, seg)
	}
	return out
}

// options checks $select and $expand.
func (c *Contract) options(r route, query url.Values) []string {
	t := c.typeNamed(r.entity)
	if t == nil {
		return nil
	}
	var found []string
	for _, key := range []string{"$select", "select"} {
		for name := range strings.SplitSeq(query.Get(key), ",") {
			name, _, _ = strings.Cut(strings.TrimSpace(name), "/")
			if name == "" || strings.HasPrefix(name, namespace) {
				continue
			}
			if _, ok := c.property(t, name); !ok {
				found = append(found, "$select: unknown property "+name+" of "+t.name)
			}
		}
	}
	for _, key := range []string{"$expand", "expand"} {
		name, _, _ := strings.Cut(query.Get(key), "(")
		if name == "" || strings.Contains(name, ",") {
			continue
		}
		if _, ok := c.property(t, name); !ok {
			found = append(found, "$expand: unknown property "+name+" of "+t.name)
		}
	}
	return found
}
