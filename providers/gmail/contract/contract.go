// Package contract checks HTTP exchanges against the discovery document of the Gmail API, or of another API of
// Google's, that ships in the Go module google.golang.org/api. It is for tests: put it around the simulator, and
// whatever a client or the simulator gets wrong about paths, parameters, property names, types, formats or enum
// values is reported.
package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Contract is a discovery document, ready to check. It is read only and may be used at once from many goroutines.
type Contract struct {
	// OldErrors: errors of this API have no status, as those of the Directory API and its like. It is set before the
	// first exchange.
	OldErrors bool

	global  map[string]schema
	schemas map[string]schema
	routes  []route
}

// document is the part of a discovery document that binds.
type document struct {
	ServicePath string `json:"servicePath"`

	Parameters map[string]schema   `json:"parameters"`
	Schemas    map[string]schema   `json:"schemas"`
	Resources  map[string]resource `json:"resources"`
}

type resource struct {
	Methods   map[string]method   `json:"methods"`
	Resources map[string]resource `json:"resources"`
}

type method struct {
	ID          string            `json:"id"`
	HTTPMethod  string            `json:"httpMethod"`
	Path        string            `json:"path"`
	Parameters  map[string]schema `json:"parameters"`
	Request     *schema           `json:"request"`
	Response    *schema           `json:"response"`
	MediaUpload *struct {
		Protocols map[string]struct {
			Path string `json:"path"`
		} `json:"protocols"`
	} `json:"mediaUpload"`
}

// schema describes a value, a parameter or a reference.
type schema struct {
	Ref                  string            `json:"$ref"`
	Type                 string            `json:"type"`
	Format               string            `json:"format"`
	Enum                 []string          `json:"enum"`
	Items                *schema           `json:"items"`
	Properties           map[string]schema `json:"properties"`
	AdditionalProperties *schema           `json:"additionalProperties"`
	Location             string            `json:"location"`
	Required             bool              `json:"required"`
	Repeated             bool              `json:"repeated"`
}

type route struct {
	method
	segments []string
	upload   bool
}

// Discovery finds gmail-api.json of the module version in use by asking the go command.
func Discovery(ctx context.Context) (path string, err error) {
	return DiscoveryOf(ctx, "gmail/v1/gmail-api.json")
}

// DiscoveryOf finds the discovery document of another API by its slash path in the module.
func DiscoveryOf(ctx context.Context, api string) (path string, err error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
	if err != nil {
		return "", fmt.Errorf("contract: find google.golang.org/api: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), filepath.FromSlash(api)), nil
}

// Load reads a discovery document.
func Load(path string) (*Contract, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, fmt.Errorf("contract: read %s: %w", path, err)
	}
	c := &Contract{global: d.Parameters, schemas: d.Schemas}
	for _, r := range d.Resources {
		c.collect(r, d.ServicePath)
	}
	if len(c.routes) == 0 {
		return nil, fmt.Errorf("contract: %s describes no method", path)
	}
	return c, nil
}

func (c *Contract) collect(r resource, below string) {
	for _, m := range r.Methods {
		c.routes = append(c.routes, route{method: m, segments: strings.Split(below+m.Path, "/")})
		if m.MediaUpload != nil {
			if p, ok := m.MediaUpload.Protocols["simple"]; ok {
				c.routes = append(c.routes, route{method: m, segments: strings.Split(strings.TrimPrefix(p.Path, "/"), "/"), upload: true})
			}
		}
	}
	for _, sub := range r.Resources {
		c.collect(sub, below)
	}
}

// find prefers the route with the fewest variables: messages/send is no messages/{id}.
func (c *Contract) find(r *http.Request) *route {
	segments := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	var best *route
	fewest := 0
	for i := range c.routes {
		rt := &c.routes[i]
		if rt.HTTPMethod != r.Method || len(rt.segments) != len(segments) {
			continue
		}
		if n, ok := variables(rt.segments, segments); ok && (best == nil || n < fewest) {
			best, fewest = rt, n
		}
	}
	return best
}

func variables(pattern, segments []string) (n int, ok bool) {
	for i, p := range pattern {
		if open, end := strings.IndexByte(p, '{'), strings.IndexByte(p, '}'); open == 0 && end > 0 {
			if segments[i] == "" || !strings.HasSuffix(segments[i], p[end+1:]) {
				return 0, false
			}
			n++
		} else if p != segments[i] {
			return 0, false
		}
	}
	return n, true
}
