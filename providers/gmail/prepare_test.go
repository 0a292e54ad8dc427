package gmail_test

import (
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	api "google.golang.org/api/gmail/v1"
	"google.golang.org/api/option"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/gmail"
)

// labelList is the mailbox's user labels as Google's own client reads them.
func (d *desk) labelList() map[string]*api.Label {
	d.Helper()
	client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer sim:"+box)
		return d.wire.RoundTrip(r)
	})}
	service, err := api.NewService(d.Context(), option.WithHTTPClient(client))
	d.ok(err)
	list, err := service.Users.Labels.List("me").Do()
	d.ok(err)
	out := map[string]*api.Label{}
	for _, l := range list.Labels {
		if l.Type == "user" {
			out[l.Name] = l
		}
	}
	return out
}

// deleteLabels does what a person does in the label settings.
func (d *desk) deleteLabels() {
	d.Helper()
	for _, l := range d.labelList() {
		req, err := http.NewRequestWithContext(d.Context(), http.MethodDelete, "https://gmail.test/gmail/v1/users/me/labels/"+l.Id, nil)
		d.ok(err)
		req.Header.Set("Authorization", "Bearer sim:"+box)
		resp, err := d.wire.RoundTrip(req)
		d.ok(err)
		if resp.StatusCode >= 300 {
			d.Fatalf("delete label: %s", resp.Status)
		}
	}
}

func TestPrepare(t *testing.T) {
	d := newDesk(t)
	id := d.receive("1@x", "one")
	d.ok(d.sim.AddLabel(box, string(id), "@anna"))
	styles := []inbox.Style{{Marker: "@Anna", Color: "red"}, {Marker: "Team/Nordic/@Bo", Color: "dark-blue"}, {Marker: "plain", Color: "none"}}
	d.ok(d.mailbox.Prepare(t.Context(), styles))
	got := d.labelList()
	if len(got) != 5 || got["@anna"] == nil || got["Team"] == nil || got["Team/Nordic"] == nil || got["plain"] == nil {
		t.Fatalf("labels %v", got)
	}
	if c := got["@anna"].Color; c == nil || c.BackgroundColor != gmail.Palette()["red"][0] {
		t.Errorf("the adopted label has colour %+v", c)
	}
	if c := got["Team/Nordic/@Bo"].Color; c == nil || c.TextColor != "#ffffff" || got["plain"].Color != nil {
		t.Errorf("colours %+v, %+v", c, got["plain"].Color)
	}
	before := d.units()
	d.ok(d.mailbox.Prepare(t.Context(), styles))
	if used := d.units() - before; used != 1 {
		t.Errorf("preparing again costs %d units", used)
	}
	// The adopted label keeps its name, and is ours by any letter case.
	d.mark(write(id, in("@anna"), "plain", "@Anna"))
	if d.labels(id) != "plain" {
		t.Errorf("carries %q", d.labels(id))
	}
}

// Every one of the 25 names has a colour of Gmail's, no two the same, with text that can be read on it.
func TestColours(t *testing.T) {
	d := newDesk(t)
	names := strings.Fields("red orange brown yellow green teal olive blue purple cranberry steel dark-steel gray dark-gray black " +
		"dark-red dark-orange dark-brown dark-yellow dark-green dark-teal dark-olive dark-blue dark-purple dark-cranberry")
	var styles []inbox.Style
	used := map[string]string{}
	for _, n := range names {
		c, ok := gmail.Palette()[n]
		if !ok {
			t.Errorf("%s has no colour", n)
			continue
		}
		if other := used[c[0]]; other != "" {
			t.Errorf("%s looks like %s", n, other)
		}
		used[c[0]] = n
		if r := contrast(c[0], c[1]); r < 4.5 {
			t.Errorf("%s: contrast %.1f", n, r)
		}
		styles = append(styles, inbox.Style{Marker: inbox.Marker(n), Color: n})
	}
	d.ok(d.mailbox.Prepare(t.Context(), styles)) // the simulator takes Gmail's palette only
	if n := len(d.labelList()); n != 25 || len(gmail.Palette()) != 25 {
		t.Errorf("%d labels, %d colours", n, len(gmail.Palette()))
	}
}

// contrast is the ratio of WCAG 2.
func contrast(a, b string) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(hex string) float64 {
	n, _ := strconv.ParseUint(strings.TrimPrefix(hex, "#"), 16, 32)
	sum := 0.0
	for i, weight := range []float64{0.0722, 0.7152, 0.2126} {
		c := float64(n>>(8*i)&0xff) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func TestPrepareReservedNames(t *testing.T) {
	d := newDesk(t)
	err := d.mailbox.Prepare(t.Context(), []inbox.Style{{Marker: "Inbox"}, {Marker: "snoozed"}, {Marker: "a//b"}, {Marker: inbox.Marker(strings.Repeat("x", 300))}, {Marker: "Good"}})
	var permanent *pipeline.Permanent
	if !errors.As(err, &permanent) || permanent.Fix == "" {
		t.Fatalf("got %v", err)
	}
	for _, name := range []string{`"Inbox"`, `"snoozed"`, `"a//b"`, `"xxx`} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
	if names := must(d.sim.Labels(box))(d); !slices.Equal(names, []string{"Good"}) {
		t.Errorf("labels %v", names)
	}
}

// Somebody makes the label between our look and our creation, or our own answer was lost.
func TestPrepareConflict(t *testing.T) {
	d := newDesk(t)
	d.dial.Add(fault.Rule{Kind: fault.Lost, Method: "POST", Path: "/labels", Times: 1})
	d.ok(d.mailbox.Prepare(t.Context(), []inbox.Style{{Marker: "@Anna", Color: "red"}}))
	if got := d.labelList(); len(got) != 1 || got["@Anna"] == nil {
		t.Errorf("labels %v", got)
	}
	id := d.receive("1@x", "one")
	d.mark(write(id, in(""), "@Anna", ""))
	if d.labels(id) != "@Anna" {
		t.Errorf("carries %q", d.labels(id))
	}
}

func TestWatch(t *testing.T) {
	d := newDesk(t)
	w, err := d.mailbox.Watch(t.Context(), "projects/contoso-mail/topics/gmail")
	d.ok(err)
	if w.ID != box || w.Mailbox != box || !w.Expires.Equal(d.clock.Now().Add(7*24*time.Hour)) || !w.Renewed.Equal(d.clock.Now()) {
		t.Errorf("got %+v", w)
	}
	_, err = d.mailbox.Watch(t.Context(), "projects/contoso-mail/topics/gmail")
	d.ok(err)
	for topic, fix := range map[string]string{"projects/contoso-mail/topics/other": "stop that watch", "gmail": "projects/PROJECT/topics/TOPIC"} {
		_, err = d.mailbox.Watch(t.Context(), topic)
		var permanent *pipeline.Permanent
		if !errors.As(err, &permanent) || !strings.Contains(permanent.Fix, fix) {
			t.Errorf("%s: got %v", topic, err)
		}
	}
	d.ok(d.mailbox.Stop(t.Context()))
	_, err = d.mailbox.Watch(t.Context(), "projects/contoso-mail/topics/other")
	d.ok(err)
}
