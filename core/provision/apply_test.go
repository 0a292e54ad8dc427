package provision_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// office is a tenant with a wish, and the plan between them.
func office(t *testing.T, want, have boxes, allow bool) (*tenant, provision.Plan) {
	t.Helper()
	tn := newTenant(have)
	tn.watch(want)
	p, err := tn.estate().Plan(context.Background(), want, provision.Options{AllowRemove: allow})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Steps) == 0 {
		t.Fatal("the plan is empty")
	}
	t.Cleanup(func() {
		for _, a := range tn.alarms {
			t.Error(a)
		}
	})
	return tn, p
}

func outcomes(r provision.Report) string {
	var b strings.Builder
	for _, e := range r.Ended {
		fmt.Fprintf(&b, "%s: %s\n", e.Outcome, e.Step.What)
	}
	return b.String()
}

func wantOutcomes(t *testing.T, r provision.Report, want ...string) {
	t.Helper()
	if got := outcomes(r); got != strings.Join(want, "\n")+"\n" {
		t.Errorf("got\n%swant\n%s", got, strings.Join(want, "\n"))
		for _, e := range r.Ended {
			t.Log(e.Says)
		}
	}
}

func TestSecondApplyIsLockedOut(t *testing.T) {
	t.Parallel()
	want := boxes{with(support, "open bo@contoso.com = mapped", "send-as bo@contoso.com")}
	tn, p := office(t, want, boxes{support}, false)
	second, locked := false, 0
	tn.onCall = func() {
		if second || tn.holder != "first" {
			return
		}
		second = true
		defer func() { second = false }()
		r, err := tn.run("second").Apply(context.Background(), want, p)
		var is *provision.Locked
		if !errors.As(err, &is) || is.Holder != "first" || len(r.Ended) != 0 {
			t.Errorf("the second got %+v, %v", r, err)
		}
		locked++
	}
	r, err := tn.run("first").Apply(context.Background(), want, p)
	if err != nil || !r.Complete() || locked < 5 {
		t.Fatalf("%+v, %v; the second came %d times", r, err, locked)
	}
	tn.onCall = nil
	if r, err = tn.run("second").Apply(context.Background(), want, p); err != nil || r.Count(provision.WasSo) != 2 || len(tn.changes) != 2 {
		t.Errorf("after the first it got %+v, %v and %d changes were made", r, err, len(tn.changes))
	}
}

// TestManyAppliesAtOnce runs the same plan from many sides; whoever comes through finds it done or does it.
func TestManyAppliesAtOnce(t *testing.T) {
	t.Parallel()
	want := boxes{with(support, "open bo@contoso.com = mapped", "name = Help"), with(sales, "name = Shop")}
	tn, p := office(t, want, boxes{support, sales}, false)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { _, errs[i] = tn.run(fmt.Sprint(i)).Apply(context.Background(), want, p) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		var locked *provision.Locked
		if err == nil {
			won++
		} else if !errors.As(err, &locked) {
			t.Error(err)
		}
	}
	if won == 0 || len(tn.changes) != len(p.Steps) {
		t.Errorf("%d came through and made %d changes for %d steps", won, len(tn.changes), len(p.Steps))
	}
}

// TestLostLock: a run that was asleep for longer than its lock does no more once somebody else has it.
func TestLostLock(t *testing.T) {
	t.Parallel()
	want := boxes{with(support, "name = Help", "language = da-DK")}
	tn, p := office(t, want, boxes{support}, false)
	tn.after = func(provision.Step) error {
		tn.now = tn.now.Add(time.Hour)
		tn.holder, tn.until = "another", tn.now.Add(time.Minute)
		return nil
	}
	r, err := tn.run("first").Apply(context.Background(), want, p)
	var locked *provision.Locked
	if !errors.As(err, &locked) || len(tn.changes) != 1 || r.Stopped == "" {
		t.Fatalf("%v after %d changes", err, len(tn.changes))
	}
	wantOutcomes(t, r, `late: display name: "Help"`, "not tried: language: da-DK")
	if tn.holder != "another" {
		t.Error("it gave back a lock that was not its own")
	}
}

func TestStalePlan(t *testing.T) {
	t.Parallel()
	want := boxes{with(support, "name = Help", "open bo@contoso.com = mapped")}
	for _, tt := range []struct {
		name   string
		change func(tn *tenant, want *boxes)
		says   string
	}{
		{"another value", func(tn *tenant, _ *boxes) {
			tn.truth[site{inbox.M365, "support@contoso.com"}][fact{Aspect: provision.Name}] = "Desk"
		}, `now it would be from "Desk" to "Help"`},
		{"a right too many", func(tn *tenant, _ *boxes) {
			tn.truth[site{inbox.M365, "support@contoso.com"}][fact{Aspect: provision.Open, Subject: "eve@contoso.com"}] = "mapped"
		}, "eve@contoso.com no longer opens it: it would be done now"},
		{"another manifest", func(_ *tenant, want *boxes) {
			*want = boxes{with(support, "name = Help", "open cem@contoso.com = mapped")}
		}, "it is not called for any more"},
		{"the mailbox is gone", func(tn *tenant, _ *boxes) { tn.truth[site{inbox.M365, "support@contoso.com"}] = facts{} }, "create the shared mailbox"},
		{"a person is needed now", func(tn *tenant, _ *boxes) {
			tn.manual = func(provision.Step) string { return "click" }
		}, "what a person has to do is different now"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := slices.Clone(want)
			tn, p := office(t, want, boxes{support}, true)
			tt.change(tn, &want)
			tn.history = append(tn.history, moment{tn.now, tn.copyTruth()})
			_, err := tn.run("one").Apply(context.Background(), want, p)
			if !errors.Is(err, provision.ErrStale) || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("got %v, want something about %q", err, tt.says)
			}
			if len(tn.changes) > 0 || len(tn.entries) > 0 || tn.holder != "" {
				t.Errorf("it did something: %v, %v, %q", tn.changes, tn.entries, tn.holder)
			}
		})
	}
}

// TestFailedStepEndsItsMailbox: and no other.
func TestFailedStepEndsItsMailbox(t *testing.T) {
	t.Parallel()
	want := boxes{with(sales, "name = Shop", "language = da-DK"), with(support, "name = Help", "language = da-DK")}
	tn, p := office(t, want, boxes{sales, support}, false)
	tn.before = func(s provision.Step) error {
		if s.Mailbox == "sales@contoso.com" {
			return errors.New("the cmdlet failed\x1b[2J")
		}
		return nil
	}
	r, err := tn.run("one").Apply(context.Background(), want, p)
	if err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, r, `failed: display name: "Shop"`, "not tried: language: da-DK", `shown: display name: "Help"`, "shown: language: da-DK")
	if r.Complete() || len(r.Left.Steps) != 2 {
		t.Errorf("left are %+v", r.Left.Steps)
	}
	failed := 0
	for _, e := range tn.entries {
		if e.Stage == provision.Failed {
			failed++
			if e.Says != "the cmdlet failed\ufffd[2J" || e.Mailbox != "sales@contoso.com" || e.By != "tester" {
				t.Errorf("the journal says %+v", e)
			}
		}
	}
	if failed != 1 {
		t.Errorf("%d failures in the journal", failed)
	}
}

func TestNotYetIsTriedAgain(t *testing.T) {
	t.Parallel()
	want := boxes{with(sales, "name = Shop"), with(support, "name = Help")}
	tn, p := office(t, want, boxes{sales, support}, false)
	began, tries := tn.now, 0
	tn.before = func(s provision.Step) error {
		if s.Mailbox != "sales@contoso.com" {
			if tries != 1 {
				t.Errorf("the other mailbox waited for it")
			}
			return nil
		}
		if tries++; tries < 4 {
			return &provision.NotYet{After: 40 * time.Second, Err: errors.New("throttled")}
		}
		return nil
	}
	r, err := tn.run("one").Apply(context.Background(), want, p)
	if err != nil || !r.Complete() {
		t.Fatalf("%v\n%s", err, outcomes(r))
	}
	if took := tn.now.Sub(began); took != 2*time.Minute {
		t.Errorf("it waited %s, and was asked to wait three times 40 s", took)
	}
	if n := len(slices.DeleteFunc(slices.Clone(tn.entries), func(e provision.Entry) bool { return e.Stage != provision.Begun })); n != 2 {
		t.Errorf("%d steps have begun by the journal", n)
	}
}

func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	want := boxes{with(support, "name = Help", "language = da-DK")}
	tn, p := office(t, want, boxes{support}, false)
	tn.before = func(provision.Step) error { return &provision.NotYet{Err: errors.New("still busy")} }
	run := tn.run("one")
	run.Patience = 5 * time.Minute
	r, err := run.Apply(context.Background(), want, p)
	if err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, r, `not yet: display name: "Help"`, "not tried: language: da-DK")
	if tn.waited < 4*time.Minute || tn.waited > 5*time.Minute {
		t.Errorf("it waited %s", tn.waited)
	}
}

// TestNothingIsGivenOnARemovalThatDoesNotShow: the provider takes longer than patience lasts.
func TestNothingIsGivenOnARemovalThatDoesNotShow(t *testing.T) {
	t.Parallel()
	want := boxes{with(support, "-open anna@contoso.com", "-send-as anna@contoso.com", "read anna@contoso.com", "read bo@contoso.com")}
	tn, p := office(t, want, boxes{support}, true)
	tn.lag = time.Hour
	r, err := tn.run("one").Apply(context.Background(), want, p)
	if err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, r, "late: anna@contoso.com no longer opens it", "late: anna@contoso.com no longer answers as the mailbox",
		"not tried: let anna@contoso.com read it", "late: let bo@contoso.com read it")
	if tn.waited != 2*provision.DefaultPatience {
		t.Errorf("it waited %s", tn.waited)
	}
	tn.now = tn.now.Add(2 * time.Hour)
	if _, err = tn.run("two").Apply(context.Background(), want, p); err != nil {
		t.Fatal(err)
	}
	tn.lag = 0
	if r, err = tn.run("three").Apply(context.Background(), want, p); err != nil || !r.Complete() || !r.Left.Empty() {
		t.Errorf("later: %v\n%s", err, outcomes(r))
	}
}

// part is a tenant's administration for some aspects only.
type part struct {
	*tenant
	aspects []provision.Aspect
}

func (p part) Handles(_ inbox.Provider, a provision.Aspect) bool {
	return slices.Contains(p.aspects, a)
}

func TestRefusedAdministrationIsAskedNoMore(t *testing.T) {
	t.Parallel()
	want := boxes{with(sales, "name = Shop", "marker Closed = gray"), with(support, "name = Help", "language = da-DK", "marker Open = red")}
	tn := newTenant(boxes{sales, support})
	var all []provision.Aspect
	for _, b := range want {
		for f := range b.Facts {
			if f.Aspect != provision.Marker {
				all = append(all, f.Aspect)
			}
		}
	}
	estate := &provision.Estate{Admins: []provision.Admin{part{tn, []provision.Aspect{provision.Marker}}, part{tn, all}}}
	p, err := estate.Plan(context.Background(), want, provision.Options{})
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	tn.before = func(s provision.Step) error {
		if s.Fact.Aspect == provision.Marker {
			return nil
		}
		asked++
		return &provision.Refused{Err: errors.New("the app needs the role Exchange Recipient Administrator")}
	}
	run := tn.run("one")
	run.Estate = estate
	r, err := run.Apply(context.Background(), want, p)
	if err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, r, `failed: display name: "Shop"`, `not tried: add the category "Closed" in gray`,
		`not tried: display name: "Help"`, "not tried: language: da-DK", `shown: add the category "Open" in red`)
	if asked != 1 {
		t.Errorf("it was asked %d times", asked)
	}
}

func TestStopAndGoOn(t *testing.T) {
	t.Parallel()
	want := boxes{with(support, "name = Help", "language = da-DK", "timezone = UTC")}
	tn, p := office(t, want, boxes{support}, false)
	ctx, cancel := context.WithCancel(context.Background())
	tn.after = func(s provision.Step) error {
		if s.Fact.Aspect == provision.Language {
			cancel()
		}
		return nil
	}
	r, err := tn.run("one").Apply(ctx, want, p)
	if !errors.Is(err, context.Canceled) || tn.holder != "" || r.Left != nil || !strings.Contains(r.Summary(), "The same command goes on from here") {
		t.Fatalf("%v, %q, %q", err, tn.holder, r.Summary())
	}
	wantOutcomes(t, r, `late: display name: "Help"`, "late: language: da-DK", "not tried: time zone: UTC")
	if r, err = tn.run("two").Apply(context.Background(), want, p); err != nil || !r.Left.Empty() {
		t.Fatal(err)
	}
	wantOutcomes(t, r, `was so: display name: "Help"`, "was so: language: da-DK", "shown: time zone: UTC")
	for _, e := range tn.entries {
		if e.Stage == provision.Failed {
			t.Errorf("a stop is no failure: %+v", e)
		}
	}
}

// forgetful is a journal that cannot write.
type forgetful struct{ *tenant }

func (forgetful) Record(context.Context, []provision.Entry) error { return errors.New("disk full") }

func TestNothingWithoutTheJournal(t *testing.T) {
	t.Parallel()
	want := boxes{with(support, "name = Help")}
	tn, p := office(t, want, boxes{support}, false)
	run := tn.run("one")
	run.Journal = forgetful{tn}
	if _, err := run.Apply(context.Background(), want, p); err == nil || len(tn.changes) > 0 {
		t.Errorf("%v, and %d changes", err, len(tn.changes))
	}
}

// TestLostAnswer: the call failed, and its effect had happened.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	want := boxes{with(support, "name = Help", "language = da-DK")}
	tn, p := office(t, want, boxes{support}, false)
	tn.after = func(s provision.Step) error {
		if s.Fact.Aspect == provision.Language {
			return errors.New("connection reset")
		}
		return nil
	}
	r, err := tn.run("one").Apply(context.Background(), want, p)
	if err != nil || !r.Complete() || !r.Left.Empty() {
		t.Fatalf("%v\n%s", err, outcomes(r))
	}
	if says := r.Ended[1].Says; !strings.Contains(says, "connection reset") {
		t.Errorf("it says %q", says)
	}
}

// TestByHandIsLookedFor: what a person has done is there at the next apply, and what they have to do first is not skipped.
func TestByHandIsLookedFor(t *testing.T) {
	t.Parallel()
	want := boxes{with(support, "quota = 107374182400", "licence = assigned")}
	tn := newTenant(boxes{with(support, "quota = 53687091200", "licence")})
	tn.manual = func(s provision.Step) string {
		if s.Fact.Aspect == provision.Licence {
			return "tick Exchange Online (Plan 2)"
		}
		return ""
	}
	p, err := tn.estate().Plan(context.Background(), want, provision.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := tn.run("one").Apply(context.Background(), want, p)
	if err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, r, "by hand: licence: assigned", "not tried: quota: 100 GB")
	var out bytes.Buffer
	if err := r.Table(&out, false); err != nil {
		t.Fatal(err)
	}
	compare(t, "testdata/report.txt", out.Bytes())
	tn.truth[site{inbox.M365, "support@contoso.com"}][fact{Aspect: provision.Licence}] = "assigned"
	tn.history = append(tn.history, moment{tn.now, tn.copyTruth()})
	if r, err = tn.run("one").Apply(context.Background(), want, p); err != nil || !r.Left.Empty() {
		t.Fatal(err)
	}
	wantOutcomes(t, r, "was so: licence: assigned", "shown: quota: 100 GB")
}

// TestWhatANewMailboxBringsAlong is in nobody's plan: it makes the plan neither stale nor longer.
func TestWhatANewMailboxBringsAlong(t *testing.T) {
	t.Parallel()
	want := boxes{support}
	tn, p := office(t, want, boxes{nothing(support)}, true)
	at := site{inbox.M365, "support@contoso.com"}
	tn.after = func(s provision.Step) error {
		if s.Verb == provision.Create {
			tn.truth[at][fact{Aspect: provision.Alias, Subject: "support@contoso.onmicrosoft.com"}] = ""
			tn.truth[at][fact{Aspect: provision.AutoReply}] = "on"
			tn.truth[at][fact{Aspect: provision.Marker, Subject: "@anna"}] = "green"
			tn.history = append(tn.history, moment{tn.now, tn.copyTruth()})
		}
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	run := tn.run("one")
	run.Tell = func(pr provision.Progress) {
		if pr.Step.Fact.Aspect == provision.Alias {
			cancel()
		}
	}
	if _, err := run.Apply(ctx, want, p); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	r, err := tn.run("two").Apply(context.Background(), want, p)
	if err != nil || r.Count(provision.Broke)+r.Count(provision.Late) > 0 {
		t.Fatalf("%v\n%s", err, outcomes(r))
	}
	if _, ok := tn.truth[at][fact{Aspect: provision.Alias, Subject: "support@contoso.onmicrosoft.com"}]; !ok || r.Left.Taking() != 1 {
		t.Errorf("what the plan does not show was done, or it is not left: %+v", r.Left.Steps)
	}
}

// TestReadingsAreFew: what a hundred new mailboxes need is waited for at once, and read back in one go.
func TestReadingsAreFew(t *testing.T) {
	t.Parallel()
	var want, have boxes
	for i := range 100 {
		m := support.Clone()
		m.Address = inbox.MailboxID(fmt.Sprintf("box%02d@contoso.com", i))
		delete(m.Facts, fact{Aspect: provision.Alias, Subject: "help@contoso.com"})
		want, have = append(want, m), append(have, nothing(m))
	}
	tn, p := office(t, want, have, false)
	tn.lag = time.Minute
	tn.reads = 0
	var last provision.Progress
	waits := 0
	run := tn.run("one")
	run.Tell = func(p provision.Progress) {
		if p.Done < last.Done || p.Total < p.Done {
			t.Errorf("progress went from %d of %d to %d of %d", last.Done, last.Total, p.Done, p.Total)
		}
		if p.Waiting != "" {
			waits++
			if p.Since.IsZero() || !p.Until.After(p.Since) {
				t.Errorf("it waits from %s to %s", p.Since, p.Until)
			}
		}
		last = p
	}
	r, err := run.Apply(context.Background(), want, p)
	if err != nil || !r.Complete() {
		t.Fatal(err)
	}
	if tn.reads > 20 || tn.waited > 4*time.Minute || waits == 0 {
		t.Errorf("%d readings and %s of waiting", tn.reads, tn.waited)
	}
	if last.Total != len(p.Steps) || last.Done != last.Total {
		t.Errorf("in the end it was at %d of %d", last.Done, last.Total)
	}
}

// TestEachStepIsBegunInTheJournalFirst asks the journal at the moment of every change.
func TestEachStepIsBegunInTheJournalFirst(t *testing.T) {
	t.Parallel()
	want := boxes{with(support, "name = Help", "-alias help@contoso.com", "open bo@contoso.com = mapped")}
	tn, p := office(t, want, boxes{support}, true)
	tn.before = func(s provision.Step) error {
		if !slices.ContainsFunc(tn.entries, func(e provision.Entry) bool {
			return strings.HasSuffix(e.Key, s.ID) && e.Stage == provision.Begun && e.At.Equal(tn.now)
		}) {
			t.Errorf("%s has not begun by the journal", s.What)
		}
		return nil
	}
	if _, err := tn.run("one").Apply(context.Background(), want, p); err != nil {
		t.Fatal(err)
	}
}

func TestApplyRefusesAPlanThatWasTamperedWith(t *testing.T) {
	t.Parallel()
	want := boxes{with(support, "-alias help@contoso.com")}
	tn, p := office(t, want, boxes{support}, true)
	p.AllowRemove = false
	if _, err := tn.run("one").Apply(context.Background(), want, p); err == nil || len(tn.changes) > 0 {
		t.Errorf("%v, and %d changes", err, len(tn.changes))
	}
	if _, err := tn.run("").Apply(context.Background(), want, p); err == nil {
		t.Error("a run without a name was let in")
	}
}

func TestDriftIsFoundOnce(t *testing.T) {
	t.Parallel()
	_, p := office(t, boxes{with(support, "name = Help", "-alias help@contoso.com")}, boxes{support}, false)
	monday := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	first, second := p.Drift(monday, "schedule"), p.Drift(monday.Add(24*time.Hour), "schedule")
	if len(first) != 2 || first[0].Stage != provision.Drifted || first[0].Key == first[1].Key || first[0].Key != second[0].Key {
		t.Errorf("%+v", first)
	}
	_, other := office(t, boxes{with(support, "name = Desk")}, boxes{support}, false)
	if key := other.Drift(monday, "schedule")[0].Key; key == first[0].Key {
		t.Error("another value has the same key")
	}
}

// TestAliasStaysUntilItCanGo: the mailbox that it goes to cannot be made.
func TestAliasStaysUntilItCanGo(t *testing.T) {
	t.Parallel()
	want := boxes{with(support, "-alias help@contoso.com"), m365("new@contoso.com", "mailbox = shared", "alias help@contoso.com")}
	tn, p := office(t, want, boxes{support, m365("new@contoso.com")}, true)
	tn.before = func(s provision.Step) error {
		if s.Verb == provision.Create {
			return errors.New("no licence left")
		}
		return nil
	}
	r, err := tn.run("one").Apply(context.Background(), want, p)
	if err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, r, "failed: create the shared mailbox",
		"not tried: take away the alias help@contoso.com, which goes to new@contoso.com",
		"not tried: add the alias help@contoso.com, which comes from support@contoso.com")
}

// TestStopInTheMiddleOfAStep: whether it has happened is for the next run to see, and it has not failed.
func TestStopInTheMiddleOfAStep(t *testing.T) {
	t.Parallel()
	want := boxes{with(support, "name = Help", "language = da-DK")}
	tn, p := office(t, want, boxes{support}, false)
	ctx, cancel := context.WithCancel(context.Background())
	tn.before = func(provision.Step) error {
		cancel()
		return ctx.Err()
	}
	r, err := tn.run("one").Apply(ctx, want, p)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	wantOutcomes(t, r, `not tried: display name: "Help"`, "not tried: language: da-DK")
	if len(tn.entries) != 1 || tn.entries[0].Stage != provision.Begun || !strings.Contains(r.Ended[0].Says, "interrupted") {
		t.Errorf("%+v, %q", tn.entries, r.Ended[0].Says)
	}
}

// TestNewMailboxThatCannotBeLookedIntoYet: the app is let to it only in an hour, and a run that resumes sees it but not what
// is in it. What the plan gives it is done all the same, except to people.
func TestNewMailboxThatCannotBeLookedIntoYet(t *testing.T) {
	t.Parallel()
	want := boxes{with(support, "-alias help@contoso.com")}
	tn, p := office(t, want, boxes{nothing(support)}, false)
	ctx, cancel := context.WithCancel(context.Background())
	tn.after = func(provision.Step) error {
		cancel()
		return nil
	}
	if _, err := tn.run("one").Apply(ctx, want, p); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	at := site{inbox.M365, "support@contoso.com"}
	tn.unread[at] = map[provision.Aspect]string{provision.Marker: "403 ErrorAccessDenied", provision.SendAs: "not yet"}
	r, err := tn.run("two").Apply(context.Background(), want, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := tn.truth[at][fact{Aspect: provision.Marker, Subject: "@Anna"}]; !ok {
		t.Error("its categories were left out")
	}
	for f := range tn.truth[at] {
		if person(f) != "" {
			t.Errorf("%v was given while nobody could see who holds what", f)
		}
	}
	if r.Complete() || r.Left.Empty() {
		t.Error("it calls itself complete")
	}
}

// TestLockIsKeptThroughALongWait: whoever comes at any moment of it is turned away.
func TestLockIsKeptThroughALongWait(t *testing.T) {
	t.Parallel()
	want := boxes{with(support, "name = Help")}
	tn, p := office(t, want, boxes{support}, false)
	tries := 0
	tn.before = func(provision.Step) error {
		if tries++; tries == 1 {
			return &provision.NotYet{After: 45 * time.Minute, Err: errors.New("come back later")}
		}
		return nil
	}
	run := tn.run("one")
	run.Patience = time.Hour
	asked := 0
	run.Wait = func(ctx context.Context, d time.Duration) error {
		if err := tn.wait(ctx, d); err != nil {
			return err
		}
		asked++
		var locked *provision.Locked
		if err := tn.Lock(ctx, "another", tn.now, tn.now.Add(time.Minute)); !errors.As(err, &locked) {
			t.Errorf("another took the lock after %s: %v", tn.waited, err)
		}
		return nil
	}
	r, err := run.Apply(context.Background(), want, p)
	if err != nil || !r.Complete() || asked < 9 {
		t.Errorf("%v, asked %d times\n%s", err, asked, outcomes(r))
	}
}

// TestSignInIsBlockedAtOnce: before anything else is done to any mailbox.
func TestSignInIsBlockedAtOnce(t *testing.T) {
	t.Parallel()
	want := boxes{with(sales, "language = da-DK"), support}
	_, p := office(t, want, boxes{nothing(sales), nothing(support)}, false)
	var order []provision.Aspect
	for _, s := range p.Steps[:4] {
		order = append(order, s.Fact.Aspect)
	}
	if !slices.Equal(order, []provision.Aspect{provision.Existence, provision.SignIn, provision.Existence, provision.SignIn}) {
		t.Errorf("the first steps are about %v", order)
	}
}
