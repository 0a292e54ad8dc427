package workspace

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
	directory "google.golang.org/api/admin/directory/v1"
	"google.golang.org/api/groupssettings/v1"
	"google.golang.org/api/licensing/v1"
	"google.golang.org/api/option"

	"github.com/postroom/postroom/providers/google"
)

// way is Google's clients, one for each scope, so that a token is asked for only when its scope is needed.
type way struct {
	users    *directory.Service
	groups   *directory.Service
	settings *groupssettings.Service
	licences *licensing.Service
}

func newWay(c Config) (*way, error) {
	ctx := context.Background()
	at := c.Endpoints
	directoryAt := option.WithEndpoint(base(at.Directory, DirectoryEndpoint))
	var w way
	var err error
	if w.users, err = directory.NewService(ctx, signed(c, ScopeUsers, nil), directoryAt); err != nil {
		return nil, fmt.Errorf("workspace: client for accounts: %w", err)
	}
	if w.groups, err = directory.NewService(ctx, signed(c, ScopeGroups, nil), directoryAt); err != nil {
		return nil, fmt.Errorf("workspace: client for groups: %w", err)
	}
	w.settings, err = groupssettings.NewService(ctx, signed(c, ScopeGroupsSettings, nil),
		option.WithEndpoint(base(at.GroupsSettings, GroupsSettingsEndpoint)))
	if err != nil {
		return nil, fmt.Errorf("workspace: client for groups' settings: %w", err)
	}
	w.licences, err = licensing.NewService(ctx, signed(c, ScopeLicensing, &pace{every: licensingPace, now: c.Now, wait: c.Wait}),
		option.WithEndpoint(base(at.Licensing, LicensingEndpoint)))
	if err != nil {
		return nil, fmt.Errorf("workspace: client for licences: %w", err)
	}
	return &w, nil
}

func base(given, own string) string {
	if given == "" {
		return own
	}
	return strings.TrimSuffix(given, "/") + "/"
}

// maxTries is how often a request is sent that Google fails to answer; longer waits are the caller's.
const maxTries = 3

// signed is a client that signs with tokens of one scope. pace may be nil.
func signed(c Config, scope string, pace *pace) option.ClientOption {
	t := &google.Transport{
		Base:   c.Transport,
		Tokens: google.NewTokens(scope, func() (oauth2.TokenSource, error) { return c.Tokens(scope) }),
		Tries:  maxTries,
		// A POST creates: whether it has is for the caller to find out.
		Repeatable: func(r *http.Request) bool { return r.Method != http.MethodPost },
		Wait:       c.Wait,
	}
	if pace != nil {
		t.Turn = pace.turn
	}
	if own, ok := c.Transport.(*http.Transport); ok && pace != nil {
		// On a connection that was used before, net/http repeats a request by itself when it breaks, whatever the pace.
		own = own.Clone()
		own.DisableKeepAlives = true
		t.Base = own
	}
	return option.WithHTTPClient(google.Client(t))
}

// licensingPace is between two requests of the licensing API, which takes one a second ("Usage limits and quotas"). It
// counts when they arrive, hence the tenth more.
const licensingPace = 1100 * time.Millisecond
