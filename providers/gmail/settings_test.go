package gmail_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/gmail"
)

func TestHandles(t *testing.T) {
	t.Parallel()
	s := &gmail.Settings{}
	for _, a := range []provision.Aspect{provision.Open, provision.Sender, provision.Signature, provision.Language, provision.AutoReply, provision.Marker} {
		if !s.Handles(inbox.Gmail, a) || s.Handles(inbox.M365, a) {
			t.Errorf("%s", a)
		}
	}
	for _, a := range []provision.Aspect{provision.Existence, provision.Alias, provision.GroupMember, provision.Licence, provision.Name, ""} {
		if s.Handles(inbox.Gmail, a) {
			t.Errorf("%s is no setting", a)
		}
	}
}

// randomWish draws facts from few enough that two wishes overlap.
func randomWish(r *rand.Rand) map[provision.Fact]string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	wish := map[provision.Fact]string{}
	put := func(a provision.Aspect, subject, value string) {
		wish[provision.Fact{Aspect: a, Subject: subject}] = value
	}
	for _, who := range []string{"anna@contoso.com", "bo@contoso.com", "o'neil+a/b?c#d%41@contoso.com", "ø@contoso.com"} {
		if r.IntN(2) == 0 {
			put(provision.Open, who, "")
		}
	}
	senders := []string{"billing@contoso.com", "a/b?x=1@contoso.com", box}
	first := r.IntN(4)
	for i, a := range senders {
		if i == first {
			put(provision.Sender, a, "default")
		} else if r.IntN(2) == 0 {
			put(provision.Sender, a, "")
		}
	}
	put(provision.Language, "", pick("da-DK", "en-GB", "en-US", "pt-BR", "pt-PT", "pt", "fr-BE", "ja", "zh-TW"))
	put(provision.Signature, "", pick("", "Support", "<b>Support</b><br/>Contoso &amp; Co", `<a href='https://contoso.com/'>us</a>`, "<script>alert(1)</script>hi", "a &lt; b", "<p>å\r\n</p>"))
	put(provision.AutoReply, "", "off")
	for _, name := range []string{"@Anna", "Team/Nordic/@Bo", "@ØRSTED", `"quoted" \ <b>`, "Snooze 2d"} {
		if r.IntN(2) == 0 {
			put(provision.Marker, name, pick("red", "dark-teal", "", "none"))
		}
	}
	return wish
}

// What is wished is done, reads back as it was wished, and leaves nothing to be done, also in the eyes of a later run;
// though every fourth answer is lost after its effect.
func TestSettingsBecomeWhatIsWished(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			b := newBureau(t)
			r := rand.New(rand.NewPCG(seed, 7))
			b.ok(b.sim.InviteDelegate(box, "anna@contoso.com", "rejected"))
			b.ok(b.sim.InviteDelegate(box, "stranger@contoso.com", "pending"))
			for range 8 {
				want := randomWish(r)
				for _, s := range missing(want, b.read(want)) {
					if r.IntN(4) == 0 {
						b.dial.Add(fault.Rule{Kind: fault.Lost, Method: []string{"POST", "PUT", "PATCH", "DELETE"}[r.IntN(4)], Times: 1})
					}
					for try := 0; ; try++ {
						err := b.settings.Do(b.Context(), s)
						if err == nil {
							break
						}
						var later *provision.NotYet
						if try == 5 || !errors.As(err, &later) {
							t.Fatalf("%s %v to %q: %v", s.Verb, s.Fact, s.After, err)
						}
					}
				}
				b.settings = b.openSettings()
				have := b.read(want)
				if left := missing(want, have); len(left) > 0 || len(have.Unread) > 0 {
					t.Fatalf("left %+v, unread %v", left, have.Unread)
				}
				var people []string
				for f := range want {
					if f.Aspect == provision.Open {
						people = append(people, f.Subject)
					}
				}
				slices.Sort(people)
				b.opens(people...)
			}
		})
	}
}

// Nothing but the declared mailboxes is touched, and no token asked for.
func TestSettingsOfAnUndeclaredMailbox(t *testing.T) {
	b := newBureau(t)
	b.sim.AddMailbox("ceo@contoso.com")
	_, err := b.settings.Read(t.Context(), []provision.Mailbox{{Address: "ceo@contoso.com", Provider: inbox.Gmail}}, nil)
	var refused *pipeline.Permanent
	if !errors.As(err, &refused) {
		t.Errorf("read: %v", err)
	}
	s := step(provision.Add, provision.Open, "anna@contoso.com", "")
	s.Mailbox = "ceo@contoso.com"
	if err := b.settings.Do(t.Context(), s); !errors.As(err, &refused) {
		t.Errorf("do: %v", err)
	}
	if len(*b.minted) > 0 || b.sim.Stats().Requests > 0 {
		t.Errorf("tokens for %v, %d requests", *b.minted, b.sim.Stats().Requests)
	}
	// What is none of Gmail's comes back bare, in its place.
	got, err := b.settings.Read(t.Context(), []provision.Mailbox{{Provider: inbox.Gmail}, {Address: "x@contoso.com", Provider: inbox.M365}, {Address: box, Provider: inbox.Gmail}}, nil)
	b.ok(err)
	if len(got) != 3 || len(got[0].Facts) > 0 || len(got[1].Facts) > 0 || len(got[2].Facts) == 0 || got[1].Address != "x@contoso.com" {
		t.Errorf("got %+v", got)
	}
}

func TestSettingsOfANewAccount(t *testing.T) {
	b := newBureau(t)
	b.sim.RemoveMailbox(box)
	b.sim.AddMailboxAt(box, b.clock.Now().Add(5*time.Minute))
	want := facts("open", "anna@contoso.com", "", "language", "", "da-DK")
	if got := b.read(want); len(got.Facts) > 0 || len(got.Unread) > 0 {
		t.Errorf("read %+v", got)
	}
	var later *provision.NotYet
	if err := b.do(provision.Add, provision.Open, "anna@contoso.com", ""); !errors.As(err, &later) {
		t.Errorf("do: %v", err)
	}
	b.clock.Advance(5 * time.Minute)
	b.ok(b.do(provision.Add, provision.Open, "anna@contoso.com", ""))
	b.opens("anna@contoso.com")
}

func TestReadOnlySome(t *testing.T) {
	b := newBureau(t)
	got := b.read(nil, provision.Signature, provision.Alias, provision.AutoReply)
	b.expect(got, provision.AutoReply, facts("auto-reply", "", "off"))
	if len(got.Facts) != 1 || b.sim.Stats().Requests != 2 {
		t.Errorf("%d requests for %v", b.sim.Stats().Requests, got.Facts)
	}
	before := b.sim.Stats()
	b.read(nil)
	after := b.sim.Stats()
	if n := after.Requests - before.Requests; n != 5 || after.QuotaUnits-before.QuotaUnits != 5 {
		t.Errorf("all of a mailbox costs %d requests, %d units", n, after.QuotaUnits-before.QuotaUnits)
	}
}

// A throttling is waited out while it is short; else the aspect is unread, and the others are not.
func TestReadWhileThrottled(t *testing.T) {
	b := newBureau(t)
	b.dial.Add(fault.Rule{Kind: fault.Throttle, Path: "/settings/vacation", RetryAfter: 7 * time.Second, Times: 2})
	got := b.read(nil)
	if len(got.Unread) > 0 || !slices.Contains(b.clock.Waits(), 7*time.Second) {
		t.Errorf("unread %v, slept %v", got.Unread, b.clock.Waits())
	}
	b.dial.Add(fault.Rule{Kind: fault.Throttle, Path: "/settings/sendAs", RetryAfter: time.Hour, Times: 1})
	got = b.read(nil)
	if got.Unread[provision.Sender] == "" || got.Unread[provision.Signature] == "" || len(got.Unread) != 2 || got.Facts[provision.Fact{Aspect: provision.AutoReply}] != "off" {
		t.Errorf("got %+v", got)
	}
}
