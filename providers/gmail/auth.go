package gmail

import (
	"fmt"
	"net/http"

	"golang.org/x/oauth2"
	api "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/providers/google"
)

// Scope is all that working a mailbox takes: read it, label it, watch it. It is what an administrator authorises for
// the service account under "Domain-wide delegation".
const Scope = api.GmailModifyScope

// SettingsScopes are what Settings takes: delegates and send-as addresses; signature, language and automatic reply; the
// definitions of labels. They are to be authorised for a service account of its own, so that whoever works the mail
// cannot hand out access to it.
func SettingsScopes() []string {
	return []string{api.GmailSettingsSharingScope, api.GmailSettingsBasicScope, api.GmailLabelsScope}
}

// ServiceAccount reads a service-account key (the JSON file of the Cloud console) and gives tokens that act for each
// mailbox through domain-wide delegation, with these scopes, or with Scope if there are none. Token requests go through
// base, http.DefaultTransport if nil, and fail after half a minute. The key is kept in memory only and never in an error.
func ServiceAccount(key []byte, base http.RoundTripper, scopes ...string) (Tokens, error) {
	if len(scopes) == 0 {
		scopes = []string{Scope}
	}
	delegation, err := google.ServiceAccount(key, base)
	if err != nil {
		return nil, fmt.Errorf("gmail: %w", err)
	}
	return func(mailbox inbox.MailboxID) (oauth2.TokenSource, error) {
		return delegation(string(mailbox), scopes...), nil
	}, nil
}
