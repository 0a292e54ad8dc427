package provision_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/provision"
)

// TestALowerQuotaTakesRoomAway: mail to a mailbox that holds more bounces, as to an alias that is gone.
func TestALowerQuotaTakesRoomAway(t *testing.T) {
	t.Parallel()
	want := with(support, "quota = 10737418240")
	for _, tt := range []struct {
		is    string
		takes bool
	}{{"53687091200", true}, {"unlimited", true}, {"1073741824", false}, {"", false}} {
		have := with(support, "quota = "+tt.is)
		if tt.is == "" {
			have = support
		}
		p := provision.Make(boxes{want}, boxes{have}, provision.Options{})
		if held := heldBack(p, "quota: 10 GB"); (held != "") != tt.takes {
			t.Errorf("from %q: held back because %q", tt.is, held)
		}
		p = provision.Make(boxes{want}, boxes{have}, provision.Options{AllowRemove: true})
		if len(p.Steps) != 1 || p.Steps[0].Takes != tt.takes || strings.Contains(p.Steps[0].What, "bounces") != tt.takes {
			t.Errorf("from %q: %+v", tt.is, p.Steps)
		}
	}
}

// TestANewMailboxGetsWhatThePlanShowsAlsoLater: what the provider has given it by itself meanwhile is replaced without leave,
// for the plan showed a new mailbox with what the manifest says.
func TestANewMailboxGetsWhatThePlanShowsAlsoLater(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		want  provision.Mailbox
		given string
	}{
		{with(support, "quota = 10737418240"), "quota = 53687091200"},
		{jobs, "licence = Google-Apps/1010020020"},
		{with(team, "group-setting whoCanJoin = INVITED_CAN_JOIN", "-group-member team@example.net/anna@example.net"), "group-setting whoCanJoin = ALL_IN_DOMAIN_CAN_JOIN"},
	} {
		want := boxes{tt.want}
		tn, p := office(t, want, boxes{nothing(tt.want)}, false)
		at := site{tt.want.Provider, tt.want.Address}
		ctx, cancel := context.WithCancel(context.Background())
		tn.after = func(s provision.Step) error {
			if s.Verb == provision.Create && (s.Fact.Aspect == provision.Group || !strings.HasPrefix(tt.given, "group")) {
				for f, v := range box("", "", tt.given).Facts {
					tn.truth[at][f] = v
				}
				tn.history = append(tn.history, moment{tn.now, tn.copyTruth()})
				cancel()
			}
			return nil
		}
		if _, err := tn.run("one").Apply(ctx, want, p); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		tn.after = nil
		r, err := tn.run("two").Apply(context.Background(), want, p)
		if err != nil || !r.Complete() || !r.Left.Empty() {
			t.Errorf("%s: %v\n%s%+v", tt.given, err, outcomes(r), r.Left)
		}
	}
}
