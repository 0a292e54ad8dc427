package workspace_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/workspace"
	"github.com/postroom/postroom/providers/workspace/workspacesim"
)

// Somebody else's 404 is no answer: an account or a group that it hides would be taken for missing, and made anew.
func TestNotFoundByAProxy(t *testing.T) {
	t.Parallel()
	want := wish(box, fact(provision.Existence), "account", fact(provision.Licence), standard, fact(provision.Group, front), "Help",
		fact(provision.GroupMember, front, box), "MEMBER", fact(provision.GroupSetting, "whoCanPostMessage"), "ANYONE_CAN_POST")
	have, err := answering(t, 404, "<html>no such page</html>").Read(t.Context(), []provision.Mailbox{want}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for f := range want.Facts {
		if have[0].Unread[f.Aspect] == "" {
			t.Errorf("%s is taken for missing", f.Aspect)
		}
	}
}

// A quota that Google counts by the minute is waited out.
func TestReadingWaitsAMinute(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.AddAccount(workspacesim.Account{Address: box, Name: "Contoso Support"})
	begin := d.clock.Now()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.clock.Now().Sub(begin) < time.Minute {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, said("quotaExceeded", "Quota exceeded"))
			return
		}
		d.sim.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	have, err := d.open(server.URL, nil).Read(t.Context(), []provision.Mailbox{wish(box, fact(provision.Existence), "account")}, nil)
	if err != nil || !have[0].Exists() {
		t.Errorf("got %v, %v", have, err)
	}
}

// Reading waits out what passes, and no longer than that.
func TestReadingWaits(t *testing.T) {
	t.Parallel()
	want := []provision.Mailbox{wish(box, fact(provision.Existence), "account")}
	// Of one account that is asked for alone it is no error; it is unread.
	have, err := answering(t, 429, said("rateLimitExceeded", "x"), "Retry-After", "20").Read(t.Context(), want, nil)
	if err != nil || have[0].Unread[provision.Existence] == "" {
		t.Errorf("got %v, %v", have, err)
	}
	two := append(want, wish("sales@contoso.com", fact(provision.Existence), "account"))
	_, err = answering(t, 429, said("rateLimitExceeded", "x")).Read(t.Context(), two, nil)
	if later := new(provision.NotYet); !errors.As(err, &later) {
		t.Errorf("got %v", err)
	}
	c := new(clock.Clock)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1800")
		http.Error(w, said("rateLimitExceeded", "x"), http.StatusTooManyRequests)
	}))
	t.Cleanup(server.Close)
	_, err = newDesk(t).open(server.URL, func(config *workspace.Config) { config.Now, config.Wait = c.Now, c.Wait }).Read(t.Context(), two, nil)
	if later := new(provision.NotYet); !errors.As(err, &later) || later.After != 30*time.Minute || !c.Now().IsZero() {
		t.Errorf("after %v: %v", c.Now().Sub(time.Time{}), err)
	}
	_, err = answering(t, 403, said("domainCannotUseApis", "x")).Read(t.Context(), want, nil)
	if refused := new(provision.Refused); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
}

// Half a list of members is none: who is on the other half might be somebody that the manifest does not have.
func TestSamePageOfMembersAgain(t *testing.T) {
	t.Parallel()
	want := wish(box, fact(provision.GroupMember, front, "anna@contoso.com"), "MEMBER")
	body := `{"kind":"admin#directory#members","members":[{"email":"anna@contoso.com","role":"MEMBER","id":"1"}],"nextPageToken":"again"}`
	have, err := answering(t, 200, body).Read(t.Context(), []provision.Mailbox{want}, []provision.Aspect{provision.GroupMember})
	if err != nil || have[0].Unread[provision.GroupMember] == "" || len(have[0].Facts) > 0 {
		t.Errorf("got %+v, %v", have, err)
	}
}
