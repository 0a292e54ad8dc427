package exchange

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Shell runs cmdlets of Exchange Online PowerShell in one tenant.
type Shell interface {
	// Run runs the commands, which do not depend on one another, in any order, and gives each its Result, in the order of
	// the commands. An error means that the shell could not do its work at all, with *provision.Refused where it is closed
	// to us and *provision.NotYet where time may help; some commands may have run then, and all may be run again. Calls are
	// not made at once.
	Run(ctx context.Context, commands ...Command) ([]Result, error)
}

// Command is one cmdlet with its parameters.
type Command struct {
	Name string // such as "Get-Mailbox"
	// Parameters by name, without the dash. Values are string, bool (a switch too), int, []string, Change, and nil for $null.
	Parameters map[string]any
	// Anchor is the address of the mailbox the command concerns, by which Exchange finds the right server; empty for the
	// organisation as a whole.
	Anchor string
	// Select names the properties of the rows that are wanted; empty for all.
	Select []string
	// Already are parts of error types or messages that mean all is as the command would make it. Such an error is success.
	Already []string
	// Unless, where set, is how one sees that the command need not be run any more. Only a Script looks; the others see the error.
	Unless *Sight
}

// Sight is a row by which one sees that something is there: of those that a command answers with, the one that has the value. For
// an alias a Get cmdlet answers with the mailbox that has it, and for nobody with everybody.
type Sight struct {
	Of              Command
	Property, Value string
}

// Change adds values to a property that has several, and removes others.
type Change struct{ Add, Remove []string }

// Result is how one command ended. Many cmdlets succeed without a row.
type Result struct {
	Rows []Row
	Err  error // *Failure where Exchange refuses this command; others may have gone well
}

// reads reports whether the command changes nothing.
func (c *Command) reads() bool {
	return strings.HasPrefix(c.Name, "Get-") || strings.HasPrefix(c.Name, "Test-")
}

// String is the command in PowerShell on one line.
func (c Command) String() string {
	var b strings.Builder
	b.WriteString(c.Name)
	for _, name := range c.names() {
		v := c.Parameters[name]
		if on, ok := v.(bool); ok {
			fmt.Fprintf(&b, " -%s:$%t", name, on)
			continue
		}
		fmt.Fprintf(&b, " -%s %s", name, literal(v))
	}
	return b.String()
}

// names lists the parameters, what the command is about first.
func (c *Command) names() []string {
	names := make([]string, 0, len(c.Parameters))
	for n := range c.Parameters {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int {
		if (a == "Identity") != (b == "Identity") {
			if a == "Identity" {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	return names
}

// Row is one object of an answer: its properties by name, as JSON has them.
type Row map[string]any

// text is a property's text; "" where it has none. What has no plain text, a size for example, has it one level down.
func (r Row) text(name string) string { return plain(r[name]) }

func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case map[string]any:
		for _, k := range []string{"Value", "value", "DisplayName", "Name"} {
			if s := plain(v[k]); s != "" {
				return s
			}
		}
	case []any:
		if len(v) == 1 {
			return plain(v[0])
		}
	}
	return ""
}

// list is a property's values; one that came as a text, "{a, b}", is taken apart.
func (r Row) list(name string) []string {
	x := r[name]
	// So ConvertTo-Json of Windows PowerShell writes some lists.
	if m, ok := x.(map[string]any); ok {
		x = m["value"]
	}
	switch v := x.(type) {
	case []any:
		out := make([]string, 0, len(v))
		for _, x := range v {
			if s := plain(x); s != "" {
				out = append(out, s)
			}
		}
		return out
	case string:
		inner, braced := strings.CutPrefix(v, "{")
		if !braced {
			if v == "" {
				return nil
			}
			return []string{v}
		}
		var out []string
		for s := range strings.SplitSeq(strings.TrimSuffix(inner, "}"), ",") {
			if s = strings.TrimSpace(s); s != "" {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// flag is a property that is true or false, and whether it is there.
func (r Row) flag(name string) (on, known bool) {
	switch s := strings.ToLower(r.text(name)); s {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}
