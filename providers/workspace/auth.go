package workspace

import (
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/oauth2"
	directory "google.golang.org/api/admin/directory/v1"
	"google.golang.org/api/groupssettings/v1"
	"google.golang.org/api/licensing/v1"

	"github.com/postroom/postroom/providers/google"
)

// The scopes, each authorised for the service account under "Domain-wide delegation" only where the manifest uses it.
const (
	ScopeUsers          = directory.AdminDirectoryUserScope
	ScopeGroups         = directory.AdminDirectoryGroupScope
	ScopeGroupsSettings = groupssettings.AppsGroupsSettingsScope
	ScopeLicensing      = licensing.AppsLicensingScope
)

// Tokens gives what signs requests as the administrator, for just these scopes. It is called once for each scope that is
// used, and again when Google has refused a token it gave. The source need not cache.
type Tokens func(scopes ...string) (oauth2.TokenSource, error)

// ServiceAccount reads a service-account key (the JSON file of the Cloud console) and gives tokens that act for the
// administrator with this address through domain-wide delegation. Token requests go through base,
// http.DefaultTransport if nil, and fail after half a minute. The key is kept in memory only and never in an error.
func ServiceAccount(key []byte, administrator string, base http.RoundTripper) (Tokens, error) {
	if administrator == "" {
		return nil, errors.New("workspace: no administrator to act for; name the address of an account with an administrator's role")
	}
	delegation, err := google.ServiceAccount(key, base)
	if err != nil {
		return nil, fmt.Errorf("workspace: %w", err)
	}
	return func(scopes ...string) (oauth2.TokenSource, error) {
		return delegation(administrator, scopes...), nil
	}, nil
}
