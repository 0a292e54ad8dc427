package msgraph_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/providers/msgraph"
)

func TestPrepare(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	m := tn.mailbox()
	tn.makeCategory("closed", "preset3")
	tn.makeCategory("VIP", "preset0")
	tn.makeCategory("Private", "preset9")
	tn.makeCategory("Kept", "preset5")
	styles := []inbox.Style{
		{Marker: "@Anna", Color: "blue"},
		{Marker: "Closed", Color: "gray"},
		{Marker: "VIP", Color: "red"},
		{Marker: "Kept"},
		{Marker: "Plain"},
		{Marker: "@Bo", Color: "dark-cranberry"},
		{Marker: "@bo", Color: "red"},
	}
	tn.ResetStats()
	must(t, m.Prepare(context.Background(), styles))
	equal(t, "round trips", tn.Stats().RoundTrips, 2)
	got, err := tn.Categories(support)
	must(t, err)
	want := map[string]string{
		"@Anna": "preset7", "closed": "preset12", "VIP": "preset0", "Private": "preset9", "Kept": "preset5", "Plain": "none", "@Bo": "preset24",
	}
	equal(t, "categories", fmt.Sprint(got), fmt.Sprint(want))

	tn.ResetStats()
	must(t, m.Prepare(context.Background(), styles))
	equal(t, "requests when all is well", tn.Stats().Requests, 1)
}

func TestPrepareKnowsEveryColor(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	names := strings.Fields("red orange brown yellow green teal olive blue purple cranberry steel dark-steel gray dark-gray black " +
		"dark-red dark-orange dark-brown dark-yellow dark-green dark-teal dark-olive dark-blue dark-purple dark-cranberry")
	var styles []inbox.Style
	for _, n := range names {
		styles = append(styles, inbox.Style{Marker: inbox.Marker(n), Color: n})
	}
	must(t, tn.mailbox().Prepare(context.Background(), styles))
	got, err := tn.Categories(support)
	must(t, err)
	for i, n := range names {
		equal(t, n, got[n], fmt.Sprint("preset", i))
	}
	if err := tn.mailbox().Prepare(context.Background(), []inbox.Style{{Marker: "x", Color: "pink"}}); err == nil || !strings.Contains(err.Error(), "pink") {
		t.Errorf("%v, want an error about pink", err)
	}
}

// Another program makes the category between our reading of the list and our writing.
func TestPrepareWhenAnotherWasQuicker(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	raced := false
	racing := roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPost && !raced {
			raced = true
			tn.makeCategory("@ANNA", "preset1")
		}
		return tn.trips.RoundTrip(r)
	})
	m, err := tn.newClient(racing).Mailbox(msgraph.MailboxOptions{Address: support})
	must(t, err)
	must(t, m.Prepare(context.Background(), []inbox.Style{{Marker: "@Anna", Color: "blue"}}))
	got, err := tn.Categories(support)
	must(t, err)
	equal(t, "categories", fmt.Sprint(got), "map[@ANNA:preset7]")
}

func (tn *tenant) makeCategory(name, color string) {
	tn.t.Helper()
	resp, err := (&http.Client{Transport: tn.trips}).Post(root+"/users/"+support+"/outlook/masterCategories", "application/json",
		strings.NewReader(fmt.Sprintf(`{"displayName":%q,"color":%q}`, name, color)))
	must(tn.t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		tn.t.Fatalf("make category %s: %s", name, resp.Status)
	}
}
