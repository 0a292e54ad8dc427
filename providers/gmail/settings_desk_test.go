package gmail_test

import (
	"maps"
	"slices"
	"testing"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/gmail"
)

// bureau is a desk whose mailbox is administered as well.
type bureau struct {
	*desk
	settings *gmail.Settings
}

func newBureau(t *testing.T) *bureau {
	t.Helper()
	d := newDesk(t)
	b := &bureau{desk: d}
	b.settings = b.openSettings()
	return b
}

// openSettings is another administration of the same mailbox, as in a later run.
func (b *bureau) openSettings() *gmail.Settings {
	b.Helper()
	s, err := gmail.NewSettings(gmail.Config{
		Transport: b.wire, Mailboxes: []inbox.MailboxID{box},
		Tokens: func(m inbox.MailboxID) (oauth2.TokenSource, error) {
			*b.minted = append(*b.minted, m)
			return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "sim:" + string(m)}), nil
		},
		Now: b.clock.Now, Sleep: b.clock.Wait,
	})
	b.ok(err)
	return s
}

// facts writes facts as aspect, subject, value, three strings each.
func facts(list ...string) map[provision.Fact]string {
	out := map[provision.Fact]string{}
	for i := 0; i < len(list); i += 3 {
		out[provision.Fact{Aspect: provision.Aspect(list[i]), Subject: list[i+1]}] = list[i+2]
	}
	return out
}

// read is the mailbox as it is, looked at for a wish.
func (b *bureau) read(wish map[provision.Fact]string, only ...provision.Aspect) provision.Mailbox {
	b.Helper()
	got, err := b.settings.Read(b.Context(), []provision.Mailbox{{Address: box, Provider: inbox.Gmail, Facts: wish}}, only)
	b.ok(err)
	if len(got) != 1 || got[0].Address != box || got[0].Provider != inbox.Gmail {
		b.Fatalf("read %+v", got)
	}
	return got[0]
}

func step(verb provision.Verb, aspect provision.Aspect, subject, after string) provision.Step {
	return provision.Step{Mailbox: box, Provider: inbox.Gmail, Verb: verb, Fact: provision.Fact{Aspect: aspect, Subject: subject}, After: after}
}

func (b *bureau) do(verb provision.Verb, aspect provision.Aspect, subject, after string) error {
	b.Helper()
	return b.settings.Do(b.Context(), step(verb, aspect, subject, after))
}

// missing are the steps from what there is to what is wished: what shall be and is not, and delegates whom nobody wishes.
func missing(want map[provision.Fact]string, have provision.Mailbox) []provision.Step {
	var steps []provision.Step
	for f := range have.Facts {
		if _, ok := want[f]; !ok && f.Aspect == provision.Open {
			steps = append(steps, step(provision.Remove, f.Aspect, f.Subject, ""))
		}
	}
	for f, value := range want {
		verb := provision.Set
		now, ok := have.Facts[f]
		if !ok && f.Subject != "" {
			verb = provision.Add
		}
		any := value == "none" || value == "" && f.Subject != ""
		if !ok || now != value && !any {
			steps = append(steps, step(verb, f.Aspect, f.Subject, value))
		}
	}
	return steps
}

func (b *bureau) expect(have provision.Mailbox, aspect provision.Aspect, want map[provision.Fact]string) {
	b.Helper()
	got := maps.Clone(have.Facts)
	maps.DeleteFunc(got, func(f provision.Fact, _ string) bool { return f.Aspect != aspect })
	if !maps.Equal(got, want) {
		b.Errorf("%s: got %q, want %q", aspect, got, want)
	}
}

func (b *bureau) delegates() []string {
	b.Helper()
	return must(b.sim.Delegates(box))(b.desk)
}

func (b *bureau) opens(want ...string) {
	b.Helper()
	if got := b.delegates(); !slices.Equal(got, want) {
		b.Errorf("delegates %q, want %q", got, want)
	}
}
