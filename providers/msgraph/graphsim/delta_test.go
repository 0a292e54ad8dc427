package graphsim_test

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestDeltaFollowsAFolder(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	a := tn.receive(1, "a@customer.test", "one")
	b := tn.receive(2, "b@customer.test", "two")
	ids, link := tn.read(inboxDelta, immutable)
	if !slices.Equal(ids, []string{a, b}) {
		t.Fatalf("first round = %v, want %v", ids, []string{a, b})
	}
	steps := []struct {
		name string
		do   func() error
		want []string
	}{
		{"nothing", func() error { return nil }, nil},
		{"a category", func() error { return tn.SetCategories(support, a, "@Anna") }, []string{a}},
		{"twice the same mail", func() error {
			return firstError(tn.MarkRead(support, b, true), tn.AddCategory(support, b, "VIP"))
		}, []string{b}},
		{"moved out", func() error { return tn.Move(support, a, "archive") }, []string{"-" + a}},
		{"moved back in", func() error { return tn.Move(support, a, "inbox") }, []string{a}},
		{"moved out and back", func() error {
			return firstError(tn.Move(support, a, "archive"), tn.Move(support, a, "inbox"))
		}, []string{a}},
		{"deleted", func() error { return tn.Delete(support, b) }, []string{"-" + b}},
		{"erased", func() error { return tn.Erase(support, a) }, []string{"-" + a}},
	}
	for _, step := range steps {
		tn.do(step.do())
		ids, link = tn.read(link, immutable)
		if !slices.Equal(ids, step.want) {
			t.Errorf("%s: %v, want %v", step.name, ids, step.want)
		}
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestDeltaPages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		prefer string
		query  string
		trips  int
	}{
		{"ten by default", "", "", 3},
		{"by preference", "odata.maxpagesize=5", "", 5},
		{"by $top", "", "?$top=25", 1},
		{"preference over $top", "odata.maxpagesize=20", "?$top=5", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tn := newTenant(t)
			var want []string
			for i := range 25 {
				want = append(want, tn.receive(i, "a@customer.test", fmt.Sprint("subject ", i)))
			}
			header := map[string]string{"Prefer": `IdType="ImmutableId"`}
			if tt.prefer != "" {
				header["Prefer"] += ", " + tt.prefer
			}
			before := tn.trips.RoundTrips()
			ids, _ := tn.read(inboxDelta+tt.query, header)
			if !slices.Equal(ids, want) {
				t.Errorf("got %d items %v", len(ids), ids)
			}
			if n := tn.trips.RoundTrips() - before; n != tt.trips {
				t.Errorf("%d pages, want %d", n, tt.trips)
			}
		})
	}
}

// A mail that changes while the pages are being read comes again, and one that
// leaves is reported as removed.
func TestDeltaSeesChangesBetweenPages(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	var ids []string
	for i := range 12 {
		ids = append(ids, tn.receive(i, "a@customer.test", fmt.Sprint("subject ", i)))
	}
	a := tn.want(200, "GET", inboxDelta, nil, immutable)
	if len(a.value()) != 10 {
		t.Fatalf("first page has %d items", len(a.value()))
	}
	tn.do(tn.SetCategories(support, ids[0], "x"))
	tn.do(tn.Move(support, ids[1], "archive"))
	tn.do(tn.Move(support, ids[11], "archive"))
	rest, _ := tn.read(a.body["@odata.nextLink"].(string), immutable)
	want := []string{ids[10], ids[0], "-" + ids[1], "-" + ids[11]}
	if !slices.Equal(rest, want) {
		t.Errorf("rest = %v, want %v", rest, want)
	}
}

func TestDeltaWithoutImmutableIDs(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	id := tn.receive(1, "a@customer.test", "one")
	first, link := tn.read(inboxDelta, nil)
	if first[0] == id {
		t.Fatal("an immutable id came without being asked for")
	}
	tn.do(tn.Move(support, id, "archive"))
	gone, link := tn.read(link, nil)
	if !slices.Equal(gone, []string{"-" + first[0]}) {
		t.Errorf("removed = %v, want the old id %s", gone, first[0])
	}
	tn.do(tn.Move(support, id, "inbox"))
	back, _ := tn.read(link, nil)
	if len(back) != 1 || back[0] == first[0] {
		t.Errorf("after moving twice: %v, want a new id", back)
	}
	tn.want(404, "GET", "/users/"+support+"/messages/"+first[0], nil, nil)
	tn.want(200, "GET", "/users/"+support+"/messages/"+id, nil, nil)
}

func TestDeltaKnobs(t *testing.T) {
	t.Parallel()
	t.Run("empty pages", func(t *testing.T) {
		t.Parallel()
		tn := newTenant(t)
		tn.DeltaEmptyPages = true
		id := tn.receive(1, "a@customer.test", "one")
		a := tn.want(200, "GET", inboxDelta, nil, immutable)
		if len(a.value()) != 0 || a.body["@odata.nextLink"] == nil {
			t.Fatalf("first page = %s", a.raw)
		}
		ids, _ := tn.read(a.body["@odata.nextLink"].(string), immutable)
		if !slices.Equal(ids, []string{id}) {
			t.Errorf("items = %v", ids)
		}
	})
	t.Run("repeats", func(t *testing.T) {
		t.Parallel()
		tn := newTenant(t)
		tn.DeltaRepeats = true
		for i := range 5 {
			tn.receive(i, "a@customer.test", fmt.Sprint("subject ", i))
		}
		ids, _ := tn.read(inboxDelta+"?$top=2", immutable)
		unique := slices.Compact(slices.Sorted(slices.Values(ids)))
		if len(unique) != 5 || len(ids) == 5 {
			t.Errorf("%d items, %d unique", len(ids), len(unique))
		}
	})
	t.Run("lag", func(t *testing.T) {
		t.Parallel()
		tn := newTenant(t)
		tn.DeltaLag = time.Minute
		id := tn.receive(1, "a@customer.test", "one")
		ids, link := tn.read(inboxDelta, immutable)
		if len(ids) != 0 {
			t.Fatalf("seen at once: %v", ids)
		}
		tn.now = tn.now.Add(time.Minute)
		if ids, _ = tn.read(link, immutable); !slices.Equal(ids, []string{id}) {
			t.Errorf("after the lag: %v", ids)
		}
	})
	t.Run("sparse", func(t *testing.T) {
		t.Parallel()
		tn := newTenant(t)
		tn.DeltaSparse = true
		id := tn.receive(1, "a@customer.test", "one")
		_, link := tn.read(inboxDelta+"?$select=subject,isRead,categories", immutable)
		tn.do(tn.SetCategories(support, id, "x"))
		item := tn.want(200, "GET", link, nil, immutable).value()[0]
		if item["categories"] == nil || item["subject"] != nil || item["isRead"] != nil || item["id"] != id {
			t.Errorf("update = %v", item)
		}
		tn.do(tn.Move(support, id, "archive"))
		tn.do(tn.Move(support, id, "inbox"))
		item = tn.want(200, "GET", link, nil, immutable).value()[0]
		if item["subject"] != "one" {
			t.Errorf("a mail that came back is not whole: %v", item)
		}
	})
}

func TestDeltaExpires(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ knob, status int }{{0, 410}, {410, 410}, {400, 400}} {
		tn := newTenant(t)
		tn.DeltaExpiredStatus = tt.knob
		id := tn.receive(1, "a@customer.test", "one")
		_, link := tn.read(inboxDelta, immutable)
		tn.do(tn.ExpireDelta(support, "inbox"))
		a := tn.want(tt.status, "GET", link, nil, immutable)
		if a.code() != "syncStateNotFound" {
			t.Errorf("code = %s", a.code())
		}
		location := a.header.Get("Location")
		if (location != "") != (tt.status == 410) {
			t.Errorf("%d has Location %q", tt.status, location)
		}
		if location == "" {
			location = inboxDelta
		}
		if ids, _ := tn.read(location, immutable); !slices.Equal(ids, []string{id}) {
			t.Errorf("starting over gives %v", ids)
		}
	}
}

func TestDeltaFilter(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	old, err := tn.ReceiveAt(support, "inbox", email(1, "a@customer.test", "old"), noon.AddDate(0, -1, 0), true)
	tn.do(err)
	id := tn.receive(2, "a@customer.test", "new")
	ids, link := tn.read(inboxDelta+"?$filter=receivedDateTime+ge+2026-05-01T00:00:00Z", immutable)
	if !slices.Equal(ids, []string{id}) {
		t.Fatalf("filtered = %v", ids)
	}
	tn.do(tn.SetCategories(support, old, "x"))
	tn.do(tn.Delete(support, id))
	if ids, _ = tn.read(link, immutable); !slices.Equal(ids, []string{"-" + id}) {
		t.Errorf("after = %v", ids)
	}
	tn.want(400, "GET", inboxDelta+"?$filter=isRead+eq+true", nil, immutable)
}

func TestFilteredDeltaStopsAtItsLimit(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	var last string
	for i := range 5_010 {
		last = tn.receive(i, "a@customer.test", fmt.Sprint("subject ", i))
	}
	ids, link := tn.read(inboxDelta+"?$select=id&$top=1000&$filter=receivedDateTime+ge+2026-05-01T00:00:00Z", immutable)
	if len(ids) != 5_000 {
		t.Errorf("%d mails, want 5,000", len(ids))
	}
	tn.do(tn.SetCategories(support, last, "x"))
	if ids, _ = tn.read(link, immutable); !slices.Equal(ids, []string{last}) {
		t.Errorf("afterwards %d mails", len(ids))
	}
}

func TestDeltaRefusals(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	_, link := tn.read(inboxDelta, immutable)
	for _, tt := range []struct {
		target string
		status int
	}{
		{"/users/" + support + "/messages/delta", 400},
		{inboxDelta + "?$deltatoken=rubbish", 400},
		{inboxDelta + "?$search=x", 501},
		{inboxDelta + "?$select=subjekt", 400},
		{"/users/" + support + "/mailFolders/nowhere/messages/delta", 404},
		// A token of one folder does not work in another.
		{"/users/" + support + "/mailFolders/archive/messages/delta" + link[len(api+inboxDelta):], 400},
	} {
		tn.want(tt.status, "GET", tt.target, nil, immutable)
	}
}

// The work of a round is what has changed, not what is in the folder: after many
// changes of few mails the log holds little more than the folder does.
func TestDeltaCostIsTheChange(t *testing.T) {
	tn := newTenant(t)
	var ids []string
	for i := range 5_000 {
		id, err := tn.ReceiveAt(support, "inbox", email(i, "a@customer.test", fmt.Sprint("subject ", i)), noon, true)
		tn.do(err)
		ids = append(ids, id)
	}
	header := map[string]string{"Prefer": `IdType="ImmutableId", odata.maxpagesize=1000`}
	_, link := tn.read(inboxDelta+"?$select=isRead", header)
	tn.do(tn.SetCategories(support, ids[2_500], "x"))
	small := newTenant(t)
	_, smallLink := small.read(inboxDelta+"?$select=isRead", header)
	small.receive(1, "a@customer.test", "one")

	big := testing.AllocsPerRun(20, func() { tn.want(200, "GET", link, nil, header) })
	few := testing.AllocsPerRun(20, func() { small.want(200, "GET", smallLink, nil, header) })
	if big > few+20 {
		t.Errorf("one change among 5,000 mails: %v allocations, in a folder of one mail %v", big, few)
	}
}
