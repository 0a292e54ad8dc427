package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

// googleIssuer is the issuer of push tokens. Google's other documents let identity tokens say "accounts.google.com" as
// well ("Verify the Google ID token on your server side"), and the verifier takes both for this one.
const googleIssuer = "https://accounts.google.com"

// maxToken bounds a token in bytes. Google's are about 1 KiB.
const maxToken = 8 << 10

// refusal is why a request is not taken for a push of ours.
type refusal struct {
	status int
	level  slog.Level // debug for what a stranger can cause for nothing
	why    string
}

var (
	refusedNoToken   = &refusal{http.StatusUnauthorized, slog.LevelDebug, "no bearer token"}
	refusedToken     = &refusal{http.StatusUnauthorized, slog.LevelDebug, "a token that Google did not sign, or did not make for this"}
	refusedExpired   = &refusal{http.StatusUnauthorized, slog.LevelWarn, "the token has expired; should this go on, look at the clock of this machine"}
	refusedAudience  = &refusal{http.StatusUnauthorized, slog.LevelWarn, "a token of Google's for another audience; compare the push subscription's audience with ours"}
	refusedAccount   = &refusal{http.StatusForbidden, slog.LevelWarn, "a token of Google's for another account; compare the push subscription's service account with ours"}
	refusedElsewhere = &refusal{http.StatusForbidden, slog.LevelWarn, "a push of another subscription; compare its name with ours"}
)

// bearer takes the token out of the Authorization header. Only the compact form of a JWT is taken: parts of URL-safe
// base64. The JSON form, which the verifier would read too, is none that Google sends.
func bearer(h http.Header) (string, bool) {
	values := h.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > maxToken {
		return "", false
	}
	for _, c := range []byte(token) {
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return "", false
		}
	}
	return token, true
}

// checkToken says why a token is not one of our push subscription's, or nil. Anybody with a Google project can have
// Google sign a token with our audience for an account of their own, so it is the account that decides
// ("Authentication for push subscriptions"). A token is good until the second it expires, without leeway: Pub/Sub's live for an hour.
func (g *Gmail) checkToken(ctx context.Context, token string) *refusal {
	keys := &witness{KeySet: g.Keys}
	verifier := oidc.NewVerifier(googleIssuer, keys, &oidc.Config{
		SupportedSigningAlgs: []string{oidc.RS256},
		SkipClientIDCheck:    true, // done below, where an audience that merely contains ours is refused
		Now:                  g.Now,
	})
	t, err := verifier.Verify(ctx, token)
	if keys.unavailable() {
		return &refusal{http.StatusServiceUnavailable, slog.LevelError, "the token could not be checked: " + keys.err.Error()}
	}
	if expired := (*oidc.TokenExpiredError)(nil); errors.As(err, &expired) {
		return refusedExpired
	}
	if err != nil {
		return refusedToken // the error quotes claims of whoever sent it
	}
	if !g.Now().Before(t.Expiry) {
		return refusedExpired
	}
	if len(t.Audience) != 1 || t.Audience[0] != g.Audience {
		return refusedAudience
	}
	var claims struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
	}
	if err := t.Claims(&claims); err != nil || !claims.Verified || claims.Email != g.Account {
		return refusedAccount
	}
	return nil
}
