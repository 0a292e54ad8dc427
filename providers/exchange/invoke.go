package exchange

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// systemMailbox is the organisation's anchor.
const systemMailbox = "APP:SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}@"

// The bodies of the endpoint.
type (
	invocation struct {
		Input cmdletInput `json:"CmdletInput"`
	}
	cmdletInput struct {
		Name       string         `json:"CmdletName"`
		Parameters map[string]any `json:"Parameters"`
	}
	hashTable struct {
		Type   string   `json:"@odata.type"`
		Add    []string `json:"Add,omitempty"`
		Remove []string `json:"Remove,omitempty"`
	}
	page struct {
		Value []Row  `json:"value"`
		Next  string `json:"@odata.nextLink"`
	}
)

// confirms names the verbs whose cmdlets ask for confirmation, and so have the parameter Confirm. One that has not refuses it.
var confirms = []string{"Set-", "New-", "Remove-", "Add-"}

func (c *Command) invocation() invocation {
	in := cmdletInput{Name: c.Name, Parameters: make(map[string]any, len(c.Parameters)+1)}
	for name, v := range c.Parameters {
		if ch, ok := v.(Change); ok {
			v = hashTable{Type: "#Exchange.GenericHashTable", Add: ch.Add, Remove: ch.Remove}
		}
		in.Parameters[name] = v
	}
	if slices.ContainsFunc(confirms, func(p string) bool { return strings.HasPrefix(c.Name, p) }) {
		in.Parameters["Confirm"] = false
	}
	return invocation{Input: in}
}

func (e *Endpoint) headers(c *Command) http.Header {
	anchor := c.Anchor
	if anchor == "" {
		anchor = systemMailbox + e.tenant
	}
	h := http.Header{}
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Accept", "application/json")
	h.Set("Prefer", "odata.maxpagesize=1000")
	h.Set("X-AnchorMailbox", anchor)
	if c.Name != "" {
		h.Set("X-CmdletName", c.Name)
	}
	h.Set("parameter-based-routing", "true")
	return h
}

func (e *Endpoint) invokeURL(c *Command) *url.URL {
	u := e.url("InvokeCommand")
	if len(c.Select) > 0 {
		u.RawQuery = "$select=" + url.QueryEscape(strings.Join(c.Select, ","))
	}
	return u
}

// Run implements Shell. One command is one request, more go by tens into a $batch.
func (e *Endpoint) Run(ctx context.Context, commands ...Command) ([]Result, error) {
	out := make([]Result, len(commands))
	if len(commands) == 1 {
		var err error
		out[0], err = e.single(ctx, &commands[0])
		return out, err
	}
	for from := 0; from < len(commands); from += batchSize {
		to := min(from+batchSize, len(commands))
		if err := e.batch(ctx, commands[from:to], out[from:to]); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (e *Endpoint) single(ctx context.Context, c *Command) (Result, error) {
	body, err := json.Marshal(c.invocation())
	if err != nil {
		return Result{}, fmt.Errorf("write %s: %w", c.Name, err)
	}
	a, err := e.post(ctx, e.invokeURL(c), e.headers(c), body)
	if err != nil {
		return Result{}, err
	}
	return e.finish(ctx, c, a.status, a.body)
}

// finish reads the answer to a command, and the pages that follow it.
func (e *Endpoint) finish(ctx context.Context, c *Command, status int, body []byte) (Result, error) {
	var r Result
	var again []byte
	for pages := 1; ; pages++ {
		p, err := readPage(c, status, body)
		if err != nil {
			return Result{Err: err}, nil
		}
		r.Rows = append(r.Rows, p.Value...)
		if p.Next == "" {
			return r, nil
		}
		if pages == maxPages {
			return Result{}, fmt.Errorf("%s goes on after %d pages", c.Name, maxPages)
		}
		next, err := e.follow(p.Next)
		if err != nil {
			return Result{}, err
		}
		// The next page is asked for with the same body again.
		if again == nil {
			if again, err = json.Marshal(c.invocation()); err != nil {
				return Result{}, fmt.Errorf("write %s: %w", c.Name, err)
			}
		}
		a, err := e.post(ctx, next, e.headers(c), again)
		if err != nil {
			return Result{}, err
		}
		status, body = a.status, a.body
	}
}

// readPage reads one page of rows; an error that Already names is an empty one.
func readPage(c *Command, status int, body []byte) (page, error) {
	var p page
	if status < 200 || status > 299 {
		f := newFailure(c.Name, status, body)
		if f.has(c.Already...) {
			return p, nil
		}
		return p, f
	}
	if len(bytes.TrimSpace(body)) > 0 {
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		if err := d.Decode(&p); err != nil {
			return page{}, &Failure{Cmdlet: c.Name, Status: status, Message: "the answer is no JSON of rows"}
		}
	}
	if _, one := c.Parameters["Identity"]; one && c.reads() && p.Value == nil {
		return page{}, &Failure{Cmdlet: c.Name, Status: status, Message: "the answer says neither what is there nor that nothing is"}
	}
	return p, nil
}

// follow checks the address of a next page: our token goes to no other place.
func (e *Endpoint) follow(link string) (*url.URL, error) {
	next, err := e.root.Parse(link)
	if err != nil || next.Scheme != e.root.Scheme || place(next) != place(e.root) || next.User != nil ||
		!strings.HasPrefix(next.Path, strings.TrimSuffix(e.root.Path, "/")+"/adminapi/") {
		return nil, errors.New("the link to the next page leads out of Exchange's administration; it was not followed")
	}
	next.Host = e.root.Host
	return next, nil
}

// place is a URL's host with its port, also where that is the usual one of HTTPS.
func place(u *url.URL) string {
	return strings.ToLower(u.Hostname()) + ":" + cmp.Or(u.Port(), "443")
}
