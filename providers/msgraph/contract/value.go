package contract

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// direction says which way a body goes; answers are held to more.
type direction bool

const (
	toGraph   direction = false
	fromGraph direction = true
)

// check collects the violations of one body.
type check struct {
	c     *Contract
	way   direction
	found []string
}

func (k *check) fault(at, format string, args ...any) {
	k.found = append(k.found, at+": "+fmt.Sprintf(format, args...))
}

// Check holds a body that came from Graph against a type of the metadata, such
// as "microsoft.graph.changeNotificationCollection" or
// "Collection(microsoft.graph.message)", which stands for an object with a value
// array. It returns one line a violation.
func (c *Contract) Check(typ string, body []byte) []string {
	return c.body(typ, body, fromGraph)
}

func (c *Contract) body(typ string, body []byte, way direction) []string {
	k := &check{c: c, way: way}
	v, err := decode(body)
	if err != nil {
		return []string{"$: not JSON: " + err.Error()}
	}
	if _, many := element(typ); many {
		k.collection("$", typ, v)
	} else {
		k.value("$", typ, v)
	}
	return k.found
}

func decode(body []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

// collection checks the envelope {"value": […]}.
func (k *check) collection(at, typ string, v any) {
	object, ok := v.(map[string]any)
	if !ok {
		k.fault(at, "an object with a value array is wanted")
		return
	}
	for name, x := range object {
		switch {
		case name == "value":
			k.value(at+".value", typ, x)
		case !strings.Contains(name, "@"):
			k.fault(at+"."+name, "unknown property of a collection")
		}
	}
	if object["value"] == nil {
		k.fault(at, "a collection without value")
	}
}

func (k *check) value(at, typ string, v any) {
	if inner, many := element(typ); many {
		list, ok := v.([]any)
		if !ok {
			k.fault(at, "%s wanted, found %s", typ, kindOf(v))
			return
		}
		for i, x := range list {
			k.value(fmt.Sprintf("%s[%d]", at, i), inner, x)
		}
		return
	}
	if v == nil {
		return
	}
	if words, ok := k.c.enums[typ]; ok {
		if s, ok := v.(string); !ok || !slices.Contains(words, s) {
			k.fault(at, "%v is no %s", v, typ)
		}
		return
	}
	if strings.HasPrefix(typ, "Edm.") {
		if !primitive(typ, v) {
			k.fault(at, "%s wanted, found %s %v", typ, kindOf(v), clip(v))
		}
		return
	}
	t := k.c.typeNamed(typ)
	if t == nil {
		return // outside the cut of the metadata
	}
	object, ok := v.(map[string]any)
	if !ok {
		k.fault(at, "%s wanted, found %s", typ, kindOf(v))
		return
	}
	k.object(at, t, object)
}

func (k *check) object(at string, t *entityType, object map[string]any) {
	if named, ok := object["@odata.type"]; ok {
		s, _ := named.(string)
		derived := k.c.typeNamed(strings.TrimPrefix(s, "#"))
		switch {
		case t.Open && len(t.Properties) == 0:
		case derived == nil || !k.c.isA(derived, t):
			k.fault(at+".@odata.type", "%v is no %s", named, t.name)
		default:
			t = derived
		}
	}
	if gone, ok := object["@removed"]; ok {
		reason, _ := gone.(map[string]any)
		if reason["reason"] != "deleted" && reason["reason"] != "changed" {
			k.fault(at+".@removed", "reason must be deleted or changed")
		}
	}
	if _, ok := object["id"].(string); !ok && k.way == fromGraph && t.Kind == "EntityType" {
		k.fault(at, "a %s without id", t.name)
	}
	for name, v := range object {
		if strings.Contains(name, "@") {
			continue
		}
		typ, ok := k.c.property(t, name)
		if !ok {
			if !(t.Open && len(t.Properties) == 0) {
				k.fault(at+"."+name, "unknown property of %s", t.name)
			}
			continue
		}
		k.value(at+"."+name, typ, v)
	}
}

// parameters checks the body of an action, whose names are in any case.
func (k *check) parameters(at string, o *operation, v any) {
	object, ok := v.(map[string]any)
	if !ok {
		k.fault(at, "an object with the parameters of %s is wanted", o.Name)
		return
	}
	for name, x := range object {
		if strings.Contains(name, "@") {
			continue
		}
		found := false
		for p, typ := range o.Parameters {
			if strings.EqualFold(p, name) {
				found = true
				k.value(at+"."+name, typ, x)
			}
		}
		if !found {
			k.fault(at+"."+name, "unknown parameter of %s", o.Name)
		}
	}
}

var (
	guidShape = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	timeShape = regexp.MustCompile(`^\d\d:\d\d(:\d\d(\.\d+)?)?$`)
)

func primitive(typ string, v any) bool {
	s, isString := v.(string)
	switch typ {
	case "Edm.String":
		return isString
	case "Edm.Boolean":
		_, ok := v.(bool)
		return ok
	case "Edm.Int16", "Edm.Int32", "Edm.Int64":
		n, ok := v.(json.Number)
		if !ok {
			return false
		}
		_, err := n.Int64()
		return err == nil
	case "Edm.Double", "Edm.Single", "Edm.Decimal":
		_, ok := v.(json.Number)
		return ok
	case "Edm.DateTimeOffset":
		_, err := time.Parse(time.RFC3339, s)
		return isString && err == nil
	case "Edm.Date":
		_, err := time.Parse(time.DateOnly, s)
		return isString && err == nil
	case "Edm.TimeOfDay":
		return isString && timeShape.MatchString(s)
	case "Edm.Guid":
		return isString && guidShape.MatchString(s)
	case "Edm.Binary":
		_, std := base64.StdEncoding.DecodeString(s)
		_, url := base64.URLEncoding.DecodeString(s)
		return isString && (std == nil || url == nil)
	}
	return true
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "boolean"
	case json.Number:
		return "number"
	case []any:
		return "array"
	}
	return "object"
}

// clip keeps a report short whatever the body holds.
func clip(v any) string {
	s := fmt.Sprint(v)
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
