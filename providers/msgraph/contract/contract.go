// Package contract checks what is spoken with Microsoft Graph, or with its
// simulator, against Graph's own metadata. It is for tests: [Contract.Wrap] puts
// it around a handler, and every request and answer that passes in either
// direction is checked, those inside a $batch too.
//
// A violation is a property the type does not have, a value of the wrong type, a
// word that its enumeration does not list, an entity without id, a path or
// $select that the metadata does not know. Types marked open are held to their
// declared properties all the same: none of ours is extended, and a misspelt
// name would pass otherwise.
package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Contract is the metadata. It is not changed after Load, so it may be used at
// once from many goroutines.
type Contract struct {
	types      map[string]*entityType // by lower-case name
	enums      map[string][]string
	operations []operation
}

type entityType struct {
	Kind       string            `json:"kind"`
	Base       string            `json:"base"`
	Open       bool              `json:"open"`
	Properties map[string]string `json:"properties"`
	Navigation map[string]string `json:"navigation"`
	name       string
}

type operation struct {
	Kind       string            `json:"kind"`
	Name       string            `json:"name"`
	On         string            `json:"on"`
	Parameters map[string]string `json:"parameters"`
	Returns    string            `json:"returns"`
}

const namespace = "microsoft.graph."

// undeclared is what the metadata has and the cut of it does not.
var undeclared = map[string]*entityType{
	"microsoft.graph.outlookUser": {
		Kind: "EntityType", Base: "microsoft.graph.entity",
		Navigation: map[string]string{"masterCategories": "Collection(microsoft.graph.outlookCategory)"},
	},
}

// Metadata finds graph-v1.0.json beside the repository that the current
// directory is in. The error is [io/fs.ErrNotExist] where a clone comes without it.
func Metadata() (path string, err error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("find contract: no go.mod above the current directory")
		}
		dir = filepath.Dir(dir)
	}
	path = filepath.Join(dir, "..", "shared", "contracts", "graph-v1.0.json")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("find contract: %w", err)
	}
	return path, nil
}

// Load reads the metadata from the JSON form kept in contracts/graph-v1.0.json.
func Load(path string) (*Contract, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("load contract: %w", err)
	}
	var file struct {
		Types      map[string]*entityType `json:"types"`
		Enums      map[string][]string    `json:"enums"`
		Operations []operation            `json:"operations"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, fmt.Errorf("load contract %s: %w", path, err)
	}
	if len(file.Types) == 0 || len(file.Enums) == 0 {
		return nil, fmt.Errorf("load contract %s: it has no types or no enumerations", path)
	}
	c := &Contract{types: map[string]*entityType{}, enums: file.Enums, operations: file.Operations}
	for _, types := range []map[string]*entityType{undeclared, file.Types} {
		for name, t := range types {
			copied := *t
			copied.name = name
			c.types[strings.ToLower(name)] = &copied
		}
	}
	return c, nil
}

func (c *Contract) typeNamed(name string) *entityType { return c.types[strings.ToLower(name)] }

// property finds the type of a property or navigation, inherited ones included.
func (c *Contract) property(t *entityType, name string) (string, bool) {
	for ; t != nil; t = c.typeNamed(t.Base) {
		if p, ok := t.Properties[name]; ok {
			return p, true
		}
		if p, ok := t.Navigation[name]; ok {
			return p, true
		}
		if t.Base == "" {
			break
		}
	}
	return "", false
}

// isA says whether t is base or derives from it.
func (c *Contract) isA(t, base *entityType) bool {
	for ; t != nil; t = c.typeNamed(t.Base) {
		if t == base {
			return true
		}
		if t.Base == "" {
			break
		}
	}
	return false
}

// element takes "Collection(x)" apart.
func element(typ string) (string, bool) {
	inner, ok := strings.CutPrefix(typ, "Collection(")
	return strings.TrimSuffix(inner, ")"), ok
}

// bound finds an operation by name on a type or a type it derives from.
func (c *Contract) bound(name, on string) *operation {
	inner, many := element(on)
	for t := c.typeNamed(inner); t != nil; t = c.typeNamed(t.Base) {
		want := t.name
		if many {
			want = "Collection(" + t.name + ")"
		}
		i := slices.IndexFunc(c.operations, func(o operation) bool { return strings.EqualFold(o.Name, name) && o.On == want })
		if i >= 0 {
			return &c.operations[i]
		}
		if t.Base == "" {
			break
		}
	}
	return nil
}
