package gmail_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/fault"
)

// directory administers accounts, in place of Google's: it makes a mailbox that works five minutes later.
type directory struct{ b *bureau }

func (d directory) Handles(p inbox.Provider, a provision.Aspect) bool {
	return p == inbox.Gmail && a == provision.Existence
}

func (d directory) Read(_ context.Context, want []provision.Mailbox, _ []provision.Aspect) ([]provision.Mailbox, error) {
	var out []provision.Mailbox
	for _, w := range want {
		m := provision.Mailbox{Address: w.Address, Provider: w.Provider, Facts: map[provision.Fact]string{}}
		if slices.Contains(d.b.sim.Mailboxes(), string(w.Address)) {
			m.Facts[provision.Fact{Aspect: provision.Existence}] = "account"
		}
		out = append(out, m)
	}
	return out, nil
}

func (d directory) Do(_ context.Context, s provision.Step) error {
	d.b.sim.AddMailboxAt(string(s.Mailbox), d.b.clock.Now().Add(5*time.Minute))
	return nil
}

func (directory) Manual(provision.Step) string { return "" }

// Whatever is wished, of a mailbox that is there or is to be made, with answers lost, requests throttled, lists behind and
// the process killed in between: applying ends in an empty plan, and nobody is ever a delegate beyond the wish but who was
// one before, and nobody is let in while such a one is still there.
func TestApplySettings(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			b := newBureau(t)
			r := rand.New(rand.NewPCG(seed, 11))
			b.sim.DelegateDelay = 40 * time.Second
			if seed%2 == 0 {
				b.sim.RemoveMailbox(box)
			} else {
				b.ok(b.sim.InviteDelegate(box, "stranger@contoso.com", "accepted"))
				b.ok(b.sim.InviteDelegate(box, "anna@contoso.com", "expired"))
			}
			estate := &provision.Estate{Admins: []provision.Admin{directory{b}, b.settings}}
			before := []string{"stranger@contoso.com"}
			for round := range 3 {
				facts := randomWish(r)
				facts[provision.Fact{Aspect: provision.Existence}] = "account"
				want := []provision.Mailbox{{Address: box, Provider: inbox.Gmail, Facts: facts}}
				b.watch(facts, before)
				b.applyUntilDone(r, estate, want, fmt.Sprint("run ", round))
				b.opens(people(facts)...)
				before = people(facts)
			}
		})
	}
}

func people(wish map[provision.Fact]string) []string {
	var list []string
	for f := range maps.Keys(wish) {
		if f.Aspect == provision.Open {
			list = append(list, f.Subject)
		}
	}
	slices.Sort(list)
	return list
}

// watch holds every change of the delegates to the wish.
func (b *bureau) watch(wish map[provision.Fact]string, before []string) {
	allowed := people(wish)
	was := slices.Clone(before)
	b.sim.OnDelegates = func(_ string, now []string) {
		surplus := 0
		for _, who := range now {
			if !slices.Contains(allowed, who) {
				surplus++
				if !slices.Contains(was, who) {
					b.Errorf("%s became a delegate, the wish is %q", who, allowed)
				}
			}
		}
		for _, who := range now {
			if surplus > 0 && !slices.Contains(was, who) {
				b.Errorf("%s was let in before others were out: %q, the wish is %q", who, now, allowed)
			}
		}
		was = slices.Clone(now)
	}
}

// applyUntilDone plans and applies, through kills and faults, until nothing is left to do.
func (b *bureau) applyUntilDone(r *rand.Rand, estate *provision.Estate, want []provision.Mailbox, name string) {
	b.Helper()
	options := provision.Options{AllowRemove: true, Made: b.clock.Now(), Manifest: provision.Source{Name: "postroom.yaml", SHA256: strings.Repeat("0", 64)}}
	for try := range 30 {
		kill := r.IntN(3) == 0 && try < 20
		if try < 20 {
			for _, kind := range []fault.Kind{fault.Lost, fault.Throttle, fault.Unavailable, fault.Reset} {
				b.dial.Add(fault.Rule{Kind: kind, Skip: r.IntN(30), Times: 1, RetryAfter: 3 * time.Second})
			}
		}
		ctx, cancel := context.WithCancel(b.Context())
		if kill {
			left := r.IntN(40)
			b.cut(cancel, &left)
		}
		plan, err := estate.Plan(ctx, want, options)
		if err == nil && plan.Empty() {
			b.dial.Clear()
			cancel()
			if left, err := estate.Plan(b.Context(), want, options); err == nil && left.Empty() {
				return
			}
			continue
		}
		if err == nil {
			run := provision.Run{
				Estate: estate, Journal: &memory.Journal{}, Locks: &memory.Locks{}, Holder: fmt.Sprint(name, try), By: "a test",
				Now: b.clock.Now, Wait: b.clock.Wait,
			}
			_, err = run.Apply(ctx, want, plan)
		}
		if err != nil && !kill {
			b.Logf("try %d: %v", try, err) // stale, or a reading that failed: the next plan goes on
		}
		cancel()
		b.dial.Clear()
		b.clock.Advance(time.Minute)
	}
	plan, err := estate.Plan(b.Context(), want, options)
	b.Fatalf("it does not end: %v, left %+v, unread %v", err, plan.Steps, plan.Unread)
}

// cut ends the context with a request that has its effect.
func (b *bureau) cut(cancel context.CancelFunc, left *int) {
	next := b.wire.Handler
	b.wire.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		next.ServeHTTP(w, req)
		if *left--; *left == 0 {
			cancel()
		}
	})
}
