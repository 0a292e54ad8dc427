package workspace_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/workspace/workspacesim"
)

// A licence that would be replaced is read, however few mailboxes and however many licences there are.
func TestOtherLicenceIsRead(t *testing.T) {
	t.Parallel()
	const enterprise = "Google-Apps/1010020020"
	d := newDesk(t)
	d.crowd(2500, 0, "/")
	d.sim.AddAccount(workspacesim.Account{Address: box, Name: "Contoso Support", Licences: []string{enterprise}})
	have := d.read(wish(box, fact(provision.Existence), "account", fact(provision.Licence), starter))[0]
	if got := have.Facts[fact(provision.Licence)]; got != enterprise {
		t.Errorf("the licence reads %q", got)
	}
}

// A step that says nothing of another licence does not replace one.
func TestLicenceAssignedMeanwhile(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.AddAccount(workspacesim.Account{Address: box, Name: "Contoso Support", Licences: []string{standard}})
	err := d.do(license(starter))
	if err == nil || !strings.Contains(err.Error(), "make a new plan") {
		t.Errorf("got %v", err)
	}
	if acc, _ := d.sim.Account(box); !slices.Equal(acc.Licences, []string{standard}) {
		t.Errorf("licences %v", acc.Licences)
	}
}

// What automatic licensing gives a new account is not anybody's, and is replaced by what the manifest says.
func TestAutomaticLicenceOfANewAccount(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.AutoLicence = standard
	want := wish(box, fact(provision.Existence), "account", fact(provision.Name), "Contoso Support", fact(provision.Licence), starter)
	d.apply(want)
	if acc, _ := d.sim.Account(box); !slices.Equal(acc.Licences, []string{starter}) {
		t.Errorf("licences %v", acc.Licences)
	}
}

// Licensing does not know a new account yet: it has no licence, which is no reason to know nothing.
func TestUserUnknownToLicensing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.AddAccount(workspacesim.Account{Address: box, Name: "Contoso Support"})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/sku/") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, said("invalid", "Invalid Value: userId"))
			return
		}
		d.sim.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	want := []provision.Mailbox{wish(box, fact(provision.Existence), "account", fact(provision.Licence), standard)}
	a := d.open(server.URL, nil)
	have, err := a.Read(t.Context(), want, nil)
	d.ok(err)
	if why := have[0].Unread[provision.Licence]; why != "" {
		t.Errorf("unread: %s", why)
	}
	if got := lines(a.Examine(t.Context(), want)); strings.Contains(got, "bad workspace-access") || !strings.Contains(got, "does not have the licence") {
		t.Errorf("found\n%s", got)
	}
}
