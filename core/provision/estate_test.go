package provision_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// clerk is an administration that answers whatever it is told to.
type clerk struct {
	handles map[inbox.Provider][]provision.Aspect
	answer  func(want []provision.Mailbox, only []provision.Aspect) ([]provision.Mailbox, error)
}

func (c clerk) Handles(p inbox.Provider, a provision.Aspect) bool {
	for _, h := range c.handles[p] {
		if h == a {
			return true
		}
	}
	return false
}

func (c clerk) Read(_ context.Context, want []provision.Mailbox, only []provision.Aspect) ([]provision.Mailbox, error) {
	return c.answer(want, only)
}
func (clerk) Do(context.Context, provision.Step) error { return nil }
func (clerk) Manual(provision.Step) string             { return "" }

func echo(want []provision.Mailbox, _ []provision.Aspect) ([]provision.Mailbox, error) {
	return cloneAll(want), nil
}

func TestEstateMerges(t *testing.T) {
	t.Parallel()
	exchange := clerk{map[inbox.Provider][]provision.Aspect{inbox.M365: {provision.Existence, provision.Name, provision.Reach}},
		func(want []provision.Mailbox, only []provision.Aspect) ([]provision.Mailbox, error) {
			out := []provision.Mailbox{m365(""), m365("support@contoso.com", "mailbox = shared", "name = Support", "marker Closed = red"), m365("z@contoso.com", "reach = Postroom"), m365("ceo@contoso.com", "reach = Postroom")}
			out[1].Names = map[inbox.Address]string{"anna@contoso.com": "Anna"}
			return out, nil
		}}
	graph := clerk{map[inbox.Provider][]provision.Aspect{inbox.M365: {provision.Marker}},
		func(want []provision.Mailbox, only []provision.Aspect) ([]provision.Mailbox, error) {
			return []provision.Mailbox{m365(""), unread(m365("support@contoso.com"), provision.Marker, "403")}, nil
		}}
	google := clerk{map[inbox.Provider][]provision.Aspect{inbox.Gmail: {provision.Existence}},
		func(want []provision.Mailbox, only []provision.Aspect) ([]provision.Mailbox, error) {
			if len(want) != 1 || want[0].Provider != inbox.Gmail {
				t.Errorf("Google is asked about %v", want)
			}
			return []provision.Mailbox{gmail("jobs@example.net", "mailbox = account")}, nil
		}}
	e := provision.Estate{Admins: []provision.Admin{exchange, graph, google}}
	got, err := e.Read(context.Background(), boxes{m365(""), support, jobs}, nil)
	if err != nil {
		t.Fatal(err)
	}
	addresses := ""
	for _, m := range got {
		addresses += string(m.Address) + " "
	}
	if addresses != " support@contoso.com jobs@example.net ceo@contoso.com z@contoso.com " {
		t.Errorf("got %s", addresses)
	}
	if !reflect.DeepEqual(got[1].Facts, facts{{Aspect: provision.Existence}: "shared", {Aspect: provision.Name}: "Support"}) {
		t.Errorf("a fact of another's aspect was taken: %v", got[1].Facts)
	}
	if got[1].Unread[provision.Marker] != "403" || !strings.Contains(got[1].Unread[provision.SignIn], "no administration") || got[1].Names["anna@contoso.com"] != "Anna" {
		t.Errorf("%+v", got[1])
	}
	if _, ok := got[1].Unread[provision.Name]; ok || got[2].Unread[provision.Name] == "" {
		t.Errorf("unread are %v and %v", got[1].Unread, got[2].Unread)
	}
}

func TestEstateReadsOnlyWhatIsAsked(t *testing.T) {
	t.Parallel()
	silent := clerk{map[inbox.Provider][]provision.Aspect{inbox.M365: {provision.Marker}},
		func([]provision.Mailbox, []provision.Aspect) ([]provision.Mailbox, error) {
			t.Error("it is asked though nothing of its own is wanted")
			return nil, nil
		}}
	asked := clerk{map[inbox.Provider][]provision.Aspect{inbox.M365: {provision.Existence, provision.Name}},
		func(want []provision.Mailbox, only []provision.Aspect) ([]provision.Mailbox, error) {
			if !reflect.DeepEqual(only, []provision.Aspect{provision.Name}) {
				t.Errorf("it is asked for %v", only)
			}
			return cloneAll(want), nil
		}}
	e := provision.Estate{Admins: []provision.Admin{silent, asked}}
	got, err := e.Read(context.Background(), boxes{support}, []provision.Aspect{provision.Name, provision.Open})
	if err != nil {
		t.Fatal(err)
	}
	if len(got[0].Facts) != 1 || len(got[0].Unread) != 1 || got[0].Unread[provision.Open] == "" {
		t.Errorf("%+v", got[0])
	}
}

func TestEstateFails(t *testing.T) {
	t.Parallel()
	all := map[inbox.Provider][]provision.Aspect{inbox.M365: {provision.Existence}}
	broken := errors.New("the token is refused")
	for _, tt := range []struct {
		name   string
		admins []provision.Admin
		says   string
	}{
		{"nothing could be read", []provision.Admin{clerk{all, func([]provision.Mailbox, []provision.Aspect) ([]provision.Mailbox, error) { return nil, broken }}}, "the token is refused"},
		{"two for one aspect", []provision.Admin{clerk{all, echo}, clerk{all, echo}}, "two administrations handle mailbox of m365"},
		{"too few answers", []provision.Admin{clerk{all, func(w []provision.Mailbox, _ []provision.Aspect) ([]provision.Mailbox, error) { return w[:1], nil }}}, "asked about 2 mailboxes"},
		{"answers in another order", []provision.Admin{clerk{all, func(w []provision.Mailbox, _ []provision.Aspect) ([]provision.Mailbox, error) {
			return []provision.Mailbox{w[1], w[0]}, nil
		}}}, "asked about support@contoso.com"},
	} {
		e := provision.Estate{Admins: tt.admins}
		_, err := e.Read(context.Background(), boxes{support, sales}, nil)
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	e := provision.Estate{Admins: []provision.Admin{clerk{all, echo}}}
	if _, err := e.Plan(context.Background(), boxes{support}, provision.Options{Only: []inbox.MailboxID{"typo@contoso.com"}}); err == nil || !strings.Contains(err.Error(), "typo@contoso.com") {
		t.Errorf("a mailbox that is none: %v", err)
	}
	var refused *provision.Refused
	if err := e.Do(context.Background(), provision.Step{Provider: inbox.Gmail, Fact: fact{Aspect: provision.Open}}); !errors.As(err, &refused) {
		t.Errorf("nobody to do it: %v", err)
	}
}
