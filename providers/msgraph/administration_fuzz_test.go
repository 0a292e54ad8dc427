package msgraph_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/msgraph"
)

// Whatever a category list holds: no panic, every mailbox comes back once, and nothing but markers is found. What is
// found can be wished for.
func FuzzCategoryList(f *testing.F) {
	f.Add(`{"value":[{"id":"1","displayName":"closed","color":"preset12"},{"displayName":"Closed","color":"Preset1"},{}]}`, 200)
	f.Add(`{"value":[{"displayName":5,"color":"preset99"},{"displayName":"x","color":"preset-1"},null]}`, 200)
	f.Add(`{"value":[],"@odata.nextLink":"https://evil.test/v1.0/users/x"}`, 200)
	f.Add(`{"error":{"code":"ErrorAccessDenied","message":"x"}}`, 403)
	f.Add(`null`, 200)
	f.Fuzz(func(t *testing.T, body string, status int) {
		if status < 200 || status > 599 || status == 204 || status == 304 {
			status = 200
		}
		asked := 0
		a := &msgraph.Administration{Client: talksTo(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Host != "graph.microsoft.com" {
				t.Errorf("a request to %s", r.Host)
			}
			if asked++; asked > 2 { // a list that never ends is not what this is about
				script(500, "").ServeHTTP(w, r)
				return
			}
			script(status, body).ServeHTTP(w, r)
		}))}
		want := []provision.Mailbox{wish(support, "Closed", "gray")}
		got, err := a.Read(context.Background(), want, nil)
		if err != nil {
			return
		}
		if len(got) != 1 || got[0].Address != support {
			t.Fatalf("read %+v", got)
		}
		for fact := range got[0].Facts {
			if fact.Aspect != provision.Marker || fact.Subject == "" {
				t.Errorf("found %v", fact)
			}
		}
		if len(got[0].Unread) > 0 && len(got[0].Facts) > 0 {
			t.Error("it is unread, and has facts")
		}
	})
}

// Whatever a token holds: no panic, and always the same checks are made.
func FuzzToken(f *testing.F) {
	f.Add(jwt("Mail.ReadWrite"))
	f.Add("a.b.c")
	f.Add("..")
	f.Add("e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"roles":"Mail.ReadWrite","appid":7}`)) + ".x")
	f.Add("e30." + base64.RawURLEncoding.EncodeToString([]byte(`null`)) + "==.x")
	f.Fuzz(func(t *testing.T, token string) {
		c, err := msgraph.NewClient(msgraph.Options{
			BaseURL: root, Credential: &bearer{token: token}, Transport: &fault.Transport{Handler: script(401, "")},
		})
		must(t, err)
		e := &msgraph.Examination{Client: c}
		var checks []string
		for _, finding := range e.Examine(context.Background(), []provision.Mailbox{{Provider: inbox.M365}, wish(support)}) {
			if !slices.Contains(checks, finding.Check) {
				checks = append(checks, finding.Check)
			}
		}
		if !slices.Equal(checks, []string{"graph-token", "graph-consent", "graph-clock", "graph-reach", "graph-control", "graph-subscription"}) {
			t.Errorf("checks %q", checks)
		}
	})
}

// talksTo is a client whose requests a handler answers.
func talksTo(t *testing.T, h http.Handler) *msgraph.Client {
	t.Helper()
	c, err := msgraph.NewClient(msgraph.Options{BaseURL: root, Transport: &fault.Transport{Handler: h}})
	must(t, err)
	return c
}
