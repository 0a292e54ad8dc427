package boot_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/functions/boot"
)

// TestSimulatorsAreAllThatIsReached: who names one vendor's simulator does not want the other one's real tenant.
func TestSimulatorsAreAllThatIsReached(t *testing.T) {
	t.Parallel()
	const graphOnly = "version: 1\norganisation: {name: Contoso, domains: [contoso.com], timezone: UTC}\nmembers: {one: {name: One, email: one@contoso.com}}\n" +
		"mailboxes: {support@contoso.com: {provider: m365, agents: [one], leads: [one]}}\n"
	gmailOnly := strings.NewReplacer("support@", "hello@", "m365", "gmail").Replace(graphOnly)
	const graphURL, gmailURL = "http://127.0.0.1:1/v1.0", "http://127.0.0.1:2/"
	for name, test := range map[string]struct {
		manifest string
		to       boot.Simulators
		lacks    string
	}{
		"both":                       {twoMailboxes, boot.Simulators{GraphURL: graphURL, GmailURL: gmailURL}, ""},
		"Graph where all is there":   {graphOnly, boot.Simulators{GraphURL: graphURL}, ""},
		"Gmail where all is there":   {gmailOnly, boot.Simulators{GmailURL: gmailURL}, ""},
		"Graph where there is Gmail": {twoMailboxes, boot.Simulators{GraphURL: graphURL}, "hello@contoso.com"},
		"Gmail where there is Graph": {twoMailboxes, boot.Simulators{GmailURL: gmailURL}, "support@contoso.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reached := wire(func(r *http.Request) (*http.Response, error) {
				if r.URL.Hostname() != "127.0.0.1" {
					t.Errorf("%s is reached", r.URL.Host)
				}
				return nil, errors.New("nobody is there")
			})
			test.to.GraphTransport, test.to.GmailTransport = reached, reached
			m := parse(t, test.manifest)
			clients, err := test.to.Clients(m, boot.SimulationOptions{})
			if test.lacks != "" {
				if err == nil || !strings.Contains(err.Error(), test.lacks) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			boxes, err := boot.Open(m, clients)
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range []inbox.MailboxID{support, hello} {
				if b, ok := boxes.Get(id); ok {
					if _, err := b.Provider.Changes(t.Context(), ""); err == nil {
						t.Errorf("%s has been read", id)
					}
				}
			}
		})
	}
}

type wire func(*http.Request) (*http.Response, error)

func (f wire) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
