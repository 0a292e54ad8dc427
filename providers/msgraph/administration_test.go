package msgraph_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/msgraph"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

// wish is a mailbox that shall have the markers: pairs of name and color.
func wish(address string, markers ...string) provision.Mailbox {
	facts := map[provision.Fact]string{{Aspect: provision.Existence}: "shared"}
	for i := 0; i < len(markers); i += 2 {
		facts[provision.Fact{Aspect: provision.Marker, Subject: markers[i]}] = markers[i+1]
	}
	return provision.Mailbox{Address: inbox.MailboxID(address), Provider: inbox.M365, Facts: facts}
}

func step(address, name, color string) provision.Step {
	return provision.Step{
		Mailbox: inbox.MailboxID(address), Provider: inbox.M365, Verb: provision.Add,
		Fact: provision.Fact{Aspect: provision.Marker, Subject: name}, After: color,
	}
}

// show writes markers as "name=color", sorted, for comparing.
func show(m provision.Mailbox) string {
	out := map[string]string{}
	for f, v := range m.Facts {
		out[string(f.Aspect)+" "+f.Subject] = v
	}
	return fmt.Sprint(out)
}

func TestAdministrationReads(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.makeCategory("closed", "preset3")
	tn.makeCategory("VIP", "preset0")
	tn.makeCategory("Private", "preset9")
	tn.makeCategory("Plain", "none")
	must(t, tn.AddMailbox(graphsim.Mailbox{Address: "hidden@contoso.com"}))
	must(t, tn.AddMailbox(graphsim.Mailbox{Address: "new@contoso.com", Visible: tn.now.Add(time.Hour)}))
	must(t, tn.RefuseMailbox("hidden@contoso.com"))
	a := &msgraph.Administration{Client: tn.client}
	want := []provision.Mailbox{
		{Provider: inbox.M365}, // the tenant itself
		wish(support, "Closed", "gray", "vip", "", "@Anna", "blue"),
		wish("hidden@contoso.com", "Closed", "gray"),
		wish("new@contoso.com", "Closed", "gray"),
		wish("nobody@contoso.com", "Closed", "gray"),
		{Address: "team@gmail.test", Provider: inbox.Gmail},
		wish("../"+support, "Closed", "gray"),
	}
	tn.ResetStats()
	got, err := a.Read(context.Background(), want, nil)
	must(t, err)
	equal(t, "round trips", tn.Stats().RoundTrips, 1)
	equal(t, "mailboxes", len(got), len(want))
	for i, w := range []string{
		"map[]", "map[marker Closed:yellow marker Plain:none marker Private:cranberry marker vip:red]", "map[]", "map[]", "map[]", "map[]", "map[]",
	} {
		equal(t, fmt.Sprint("facts of ", i), show(got[i]), w)
		equal(t, "address", got[i].Address, want[i].Address)
		equal(t, "provider", got[i].Provider, want[i].Provider)
		if i != 2 && i != 6 && len(got[i].Unread) > 0 {
			t.Errorf("unread of %d: %v", i, got[i].Unread)
		}
	}
	for i, part := range map[int]string{2: "two hours", 6: "no mailbox address"} {
		if why := got[i].Unread[provision.Marker]; !strings.Contains(why, part) {
			t.Errorf("%d is unread for %q, want %q in it", i, why, part)
		}
	}

	tn.ResetStats()
	got, err = a.Read(context.Background(), want, []provision.Aspect{provision.Alias})
	must(t, err)
	equal(t, "requests where no marker is asked for", tn.Stats().Requests, 0)
	equal(t, "facts", show(got[1]), "map[]")
	if _, err := a.Read(context.Background(), nil, nil); err != nil {
		t.Errorf("nothing to read: %v", err)
	}
}

// 500 mailboxes are read in 25 round trips, whatever the order of the answers.
func TestAdministrationReadsManyInBatches(t *testing.T) {
	t.Parallel()
	tn := bare(t)
	var want []provision.Mailbox
	for i := range 500 {
		address := fmt.Sprintf("box%d@contoso.com", i)
		must(t, tn.AddMailbox(graphsim.Mailbox{Address: address}))
		want = append(want, wish(address, fmt.Sprint("only ", i), ""))
	}
	a := &msgraph.Administration{Client: tn.client}
	must(t, a.Do(context.Background(), step("box321@contoso.com", "only 321", "red")))
	tn.ResetStats()
	got, err := a.Read(context.Background(), want, []provision.Aspect{provision.Marker})
	must(t, err)
	stats := tn.Stats()
	equal(t, "round trips", stats.RoundTrips, 25)
	equal(t, "requests", stats.Requests, 500)
	equal(t, "requests at once for one mailbox", stats.MaxInFlight, 1)
	for i := range got {
		w := "map[]"
		if i == 321 {
			w = "map[marker only 321:red]"
		}
		equal(t, fmt.Sprint("facts of ", i), show(got[i]), w)
	}
}

func TestAdministrationBringsMarkersAbout(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.makeCategory("closed", "preset3")
	tn.makeCategory("Kept", "preset5")
	a := &msgraph.Administration{Client: tn.client}
	want := []provision.Mailbox{wish(support, "Closed", "gray", "Kept", "", "@Anna", "blue", "Plain", "", "None", "none")}
	for range 2 { // the second time nothing is left to be done
		for f, v := range want[0].Facts {
			if f.Aspect == provision.Marker {
				must(t, a.Do(context.Background(), step(support, f.Subject, v)))
			}
		}
		got, err := tn.Categories(support)
		must(t, err)
		equal(t, "categories", fmt.Sprint(got), "map[@Anna:preset7 Kept:preset5 None:none Plain:none closed:preset12]")
	}
	have, err := a.Read(context.Background(), want, nil)
	must(t, err)
	for f, v := range want[0].Facts {
		if got, ok := have[0].Facts[f]; f.Aspect == provision.Marker && (!ok || v != "" && got != v) {
			t.Errorf("%s reads %q, want %q", f.Subject, got, v)
		}
	}
	remove := step(support, "Closed", "")
	remove.Verb = provision.Remove
	if err := a.Do(context.Background(), remove); err == nil {
		t.Error("a category was taken away")
	}
	if err := a.Do(context.Background(), step(support, "Odd", "pink")); err == nil || !strings.Contains(err.Error(), "pink") {
		t.Errorf("%v, want an error about pink", err)
	}
	alias := step(support, "x@contoso.com", "")
	alias.Fact.Aspect = provision.Alias
	if err := a.Do(context.Background(), alias); err == nil {
		t.Error("an alias is none of Graph's")
	}
}

func TestAdministrationHandles(t *testing.T) {
	t.Parallel()
	var a provision.Admin = &msgraph.Administration{}
	equal(t, "markers here", a.Handles(inbox.M365, provision.Marker), true)
	equal(t, "markers elsewhere", a.Handles(inbox.Gmail, provision.Marker), false)
	equal(t, "aliases", a.Handles(inbox.M365, provision.Alias), false)
	equal(t, "by hand", a.Manual(step(support, "x", "")), "")
}

// What keeps a step from being done tells whether waiting helps.
func TestAdministrationErrors(t *testing.T) {
	t.Parallel()
	roleless := func(tn *tenant) {
		tn.trips.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"error":{"code":"AccessDenied","message":"Either scp or roles claim need to be present in the token."}}`)
		})
	}
	tests := []struct {
		name    string
		arrange func(tn *tenant)
		after   time.Duration // of a NotYet; -1: Refused
		says    string
	}{
		{"not there yet", func(tn *tenant) {
			must(tn.t, tn.RemoveMailbox(support))
			must(tn.t, tn.AddMailbox(graphsim.Mailbox{Address: support, Visible: tn.now.Add(time.Minute)}))
		}, 0, "some minutes"},
		{"no such mailbox", func(tn *tenant) { must(tn.t, tn.RemoveMailbox(support)) }, 0, "another main address"},
		{"outside the scope", func(tn *tenant) { tn.Reach = func(string) bool { return false } }, 0, "two hours"},
		{"no role at all", roleless, -1, "consent"},
		{"no settings", func(tn *tenant) { tn.NoSettings = true }, 0, "MailboxSettings.ReadWrite"},
		{"a token that is not taken", func(tn *tenant) { tn.Token = "another" }, -1, "secret or certificate"},
		{"throttled", func(tn *tenant) { tn.Dial.Add(fault.Rule{Kind: fault.Throttle, RetryAfter: 17 * time.Second}) }, 17 * time.Second, "429"},
		{"throttled without a time", func(tn *tenant) { tn.Dial.Add(fault.Rule{Kind: fault.ThrottleBare}) }, 10*time.Second + 250*time.Millisecond, "429"},
		{"out of order", func(tn *tenant) { tn.Dial.Add(fault.Rule{Kind: fault.Unavailable}) }, 10*time.Second + 250*time.Millisecond, "503"},
		{"a broken connection", func(tn *tenant) { tn.Dial.Add(fault.Rule{Kind: fault.Reset}) }, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tn := newTenant(t)
			tt.arrange(tn)
			a := &msgraph.Administration{Client: tn.client}
			err := a.Do(context.Background(), step(support, "Closed", "gray"))
			var notYet *provision.NotYet
			var refused *provision.Refused
			switch {
			case tt.after < 0 && !errors.As(err, &refused), tt.after >= 0 && !errors.As(err, &notYet):
				t.Fatalf("%T: %v", errors.Unwrap(err), err)
			case tt.after >= 0:
				equal(t, "wait", notYet.After, tt.after)
			default:
				// Reading is refused as a whole, too.
				if _, err := a.Read(context.Background(), []provision.Mailbox{wish(support)}, nil); !errors.As(err, &refused) {
					t.Errorf("reading: %v", err)
				}
			}
			if !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), support) {
				t.Errorf("%v, want %q and the mailbox in it", err, tt.says)
			}
		})
	}
}

func TestAdministrationWaitsToRead(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		rules []fault.Rule
		waits string
		fails string // in the error; or, after a colon, in what is unread
	}{
		{"one of the batch", []fault.Rule{{Kind: fault.InnerThrottle, Path: "/box1", RetryAfter: 3 * time.Second, Times: 1}}, "[3s]", ""},
		{"the longest of the batch", []fault.Rule{
			{Kind: fault.InnerThrottle, Path: "/box1", RetryAfter: 3 * time.Second, Times: 1},
			{Kind: fault.InnerThrottle, Path: "/box2", RetryAfter: 9 * time.Second, Times: 1},
		}, "[9s]", ""},
		{"the batch itself", []fault.Rule{{Kind: fault.Throttle, RetryAfter: 5 * time.Second, Times: 2}}, "[5s 5s]", ""},
		{"two for ever", []fault.Rule{
			{Kind: fault.InnerThrottle, Path: "/box1", RetryAfter: time.Second}, {Kind: fault.InnerThrottle, Path: "/box2", RetryAfter: time.Second},
		}, "[1s 1s 1s]", ":429"},
		{"all for ever", []fault.Rule{{Kind: fault.Throttle, RetryAfter: time.Second}}, "[1s 1s 1s]", "429"},
		{"too long", []fault.Rule{{Kind: fault.Throttle, RetryAfter: time.Hour}}, "[]", "429"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tn := newTenant(t)
			var want []provision.Mailbox
			for i := range 3 {
				address := fmt.Sprintf("box%d@contoso.com", i)
				must(t, tn.AddMailbox(graphsim.Mailbox{Address: address}))
				want = append(want, wish(address, "Closed", "gray"))
				must(t, (&msgraph.Administration{Client: tn.client}).Do(context.Background(), step(address, "Closed", "gray")))
			}
			for _, r := range tt.rules {
				tn.Dial.Add(r)
			}
			waits := []time.Duration{}
			a := &msgraph.Administration{Client: tn.client, Wait: func(_ context.Context, d time.Duration) error {
				waits = append(waits, d)
				return nil
			}}
			got, err := a.Read(context.Background(), want, nil)
			equal(t, "waits", fmt.Sprint(waits), tt.waits)
			unread, one := strings.CutPrefix(tt.fails, ":")
			if !one && tt.fails != "" {
				var notYet *provision.NotYet
				if !errors.As(err, &notYet) || notYet.After == 0 {
					t.Fatalf("%v, want to be put off", err)
				}
				return
			}
			must(t, err)
			for i := range got {
				if one && i > 0 {
					if why := got[i].Unread[provision.Marker]; !strings.Contains(why, unread) {
						t.Errorf("unread for %q", why)
					}
					continue
				}
				equal(t, "facts", show(got[i]), "map[marker Closed:gray]")
			}
		})
	}
	t.Run("stopped", func(t *testing.T) {
		t.Parallel()
		tn := newTenant(t)
		tn.Dial.Add(fault.Rule{Kind: fault.Throttle, RetryAfter: time.Second})
		ctx, cancel := context.WithCancel(context.Background())
		a := &msgraph.Administration{Client: tn.client, Wait: func(ctx context.Context, _ time.Duration) error {
			cancel()
			return ctx.Err()
		}}
		if _, err := a.Read(ctx, []provision.Mailbox{wish(support)}, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want the context's error", err)
		}
	})
}

// A list that comes in pages is read to its end.
func TestAdministrationFollowsPages(t *testing.T) {
	t.Parallel()
	tn := newTenant(t, func(s *graphsim.Sim) { s.CategoryPage = 2 })
	for i := range 5 {
		tn.makeCategory(fmt.Sprint("c", i), "none")
	}
	a := &msgraph.Administration{Client: tn.client}
	tn.ResetStats()
	got, err := a.Read(context.Background(), []provision.Mailbox{wish(support)}, nil)
	must(t, err)
	equal(t, "facts", show(got[0]), "map[marker c0:none marker c1:none marker c2:none marker c3:none marker c4:none]")
	equal(t, "round trips", tn.Stats().RoundTrips, 3)
}
