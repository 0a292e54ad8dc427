package identity_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/identity"
)

var nine = time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)

func TestTokenIsKeptUntilShortlyBeforeItsEnd(t *testing.T) {
	t.Parallel()
	hand := clock.At(nine)
	a := newAmazon(t)
	a.token = func(n int) (string, string) {
		return fmt.Sprint("token-", n), hand.Now().Add(5 * time.Minute).Format(time.RFC3339)
	}
	w := &identity.WebIdentity{Client: a.sts(), Now: hand.Now}
	for _, step := range []struct {
		pass time.Duration
		want string
	}{{0, "token-1"}, {3*time.Minute + 59*time.Second, "token-1"}, {2 * time.Second, "token-2"}, {time.Minute, "token-2"}, {time.Hour, "token-3"}} {
		hand.Advance(step.pass)
		got, err := w.Token(t.Context())
		if err != nil || got != step.want {
			t.Fatalf("after %v: %q, %v, want %q", step.pass, got, err, step.want)
		}
	}
	asked := a.questions()[0]
	for name, want := range map[string]string{
		"Audience.member.1": "api://AzureADTokenExchange", "SigningAlgorithm": "RS256", "DurationSeconds": "300",
	} {
		if asked.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, asked.Get(name), want)
		}
	}
}

// A token that ends sooner than was asked for is kept no longer than that.
func TestTokenThatEndsSooner(t *testing.T) {
	t.Parallel()
	hand := clock.At(nine)
	a := newAmazon(t)
	a.token = func(n int) (string, string) {
		return fmt.Sprint("token-", n), hand.Now().Add(90 * time.Second).Format(time.RFC3339)
	}
	w := &identity.WebIdentity{Client: a.sts(), Audience: "api://contoso", Now: hand.Now}
	for i, want := range []string{"token-1", "token-1", "token-2"} {
		if got, err := w.Token(t.Context()); err != nil || got != want {
			t.Errorf("%d: %q, %v, want %q", i, got, err, want)
		}
		hand.Advance(20 * time.Second)
	}
	if got := a.questions()[0].Get("Audience.member.1"); got != "api://contoso" {
		t.Errorf("asked for %q", got)
	}
}

// frozen is t on a machine that slept for d: the calendar has gone on and the monotonic clock has not.
func frozen(t time.Time, d time.Duration) time.Time {
	type layout struct {
		wall uint64
		ext  int64 // the monotonic reading
		loc  *time.Location
	}
	after := t.Add(d)
	(*layout)(unsafe.Pointer(&after)).ext = (*layout)(unsafe.Pointer(&t)).ext
	return after
}

// A function that was frozen between two events does not give out a token that has ended meanwhile.
func TestTokenEndsWhileTheProcessIsFrozen(t *testing.T) {
	t.Parallel()
	now := time.Now()
	if slept := frozen(now, time.Hour); slept.Sub(now) != 0 || slept.Unix()-now.Unix() != 3600 {
		t.Fatalf("a time is laid out otherwise in this version of Go: %v, %v", now, slept)
	}
	hand := clock.At(now)
	a := newAmazon(t)
	a.token = func(n int) (string, string) {
		return fmt.Sprint("token-", n), hand.Now().Add(6 * time.Minute).UTC().Format(time.RFC3339)
	}
	w := &identity.WebIdentity{Client: a.sts(), Now: hand.Now}
	for _, want := range []string{"token-1", "token-2"} {
		if got, err := w.Token(t.Context()); err != nil || got != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
		hand.Set(frozen(hand.Now(), time.Hour))
	}
}

// STS gives no token that would outlive the role's session: in its last minutes a shorter one is asked for.
func TestTokenAtTheEndOfTheSession(t *testing.T) {
	t.Parallel()
	hand := clock.At(nine)
	a := newAmazon(t)
	a.session = 2 * time.Minute
	a.token = func(n int) (string, string) {
		return fmt.Sprint("token-", n), hand.Now().Add(time.Minute).Format(time.RFC3339)
	}
	w := &identity.WebIdentity{Client: a.sts(), Now: hand.Now}
	if got, err := w.Token(t.Context()); err != nil || got == "" {
		t.Fatalf("%q, %v", got, err)
	}
	var asked []string
	for _, q := range a.questions() {
		asked = append(asked, q.Get("DurationSeconds"))
	}
	if !slices.Equal(asked, []string{"300", "60"}) {
		t.Errorf("asked for %v seconds", asked)
	}
	a.session = 30 * time.Second
	hand.Advance(time.Hour)
	var permanent *pipeline.Permanent
	if _, err := w.Token(t.Context()); err == nil || errors.As(err, &permanent) || !strings.Contains(err.Error(), "SessionDurationEscalation") {
		t.Errorf("at its very end: %v, want an error that passes", err)
	}
}

func TestManyAskOnce(t *testing.T) {
	t.Parallel()
	a := newAmazon(t)
	w := &identity.WebIdentity{Client: a.sts(), Now: clock.At(nine).Now}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if got, err := w.Token(t.Context()); err != nil || got != webToken {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	all.Wait()
	if n := len(a.questions()); n != 1 {
		t.Errorf("STS was asked %d times", n)
	}
}

func TestWebIdentityRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code, message string
		status        int
		fix           string // "": it may be tried again
	}{
		{"OutboundWebIdentityFederationDisabledException", "Outbound web identity federation is not enabled for this account.", 400, "aws iam enable-outbound-web-identity-federation"},
		{"AccessDenied", "User: arn:aws:sts::123456789012:assumed-role/postroom-sync/postroom-sync is not authorized to perform: sts:GetWebIdentityToken", 403, "sts:GetWebIdentityToken"},
		{"RegionDisabledException", "STS is not activated in this region for account:123456789012.", 403, "activate STS"},
		{"ExpiredToken", "The security token included in the request is expired", 403, ""},
		{"Throttling", "Rate exceeded", 400, ""},
		{"InternalFailure", "", 500, ""},
	} {
		t.Run(c.code, func(t *testing.T) {
			t.Parallel()
			a := newAmazon(t)
			w := &identity.WebIdentity{Client: a.sts(), Now: clock.At(nine).Now}
			a.refuse(c.status, c.code, c.message)
			_, err := w.Token(t.Context())
			var permanent *pipeline.Permanent
			switch is := errors.As(err, &permanent); {
			case err == nil:
				t.Fatal("no error")
			case is != (c.fix != ""):
				t.Errorf("%v: permanent %t", err, is)
			case is && !strings.Contains(permanent.Fix, c.fix):
				t.Errorf("%v, want %q", err, c.fix)
			case !strings.Contains(err.Error(), c.code) || !strings.Contains(err.Error(), identity.EntraAudience):
				t.Errorf("%v: the code or the audience is missing", err)
			}
			// A refusal is not kept.
			a.refuse(0, "", "")
			if got, err := w.Token(t.Context()); err != nil || got != webToken {
				t.Errorf("afterwards: %q, %v", got, err)
			}
		})
	}
}

func TestTokenThatIsNone(t *testing.T) {
	t.Parallel()
	a := newAmazon(t)
	a.token = func(int) (string, string) { return "", "2026-11-03T09:05:00Z" }
	w := &identity.WebIdentity{Client: a.sts(), Now: clock.At(nine).Now}
	if got, err := w.Token(t.Context()); err == nil {
		t.Errorf("an empty token is given out as %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Token(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's error", err)
	}
}

// Whatever is printed or logged of a value, no key and no token is in it.
func TestNothingSecretIsPrinted(t *testing.T) {
	t.Parallel()
	a := newAmazon(t)
	w := &identity.WebIdentity{Client: a.sts(), Audience: identity.EntraAudience, Now: clock.At(nine).Now}
	if _, err := w.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	caller := identity.Caller{Credentials: a.held(), Region: "eu-central-1"}
	for _, v := range []any{w, caller, &caller, []any{w, caller}, map[string]any{"a": caller}} {
		text := ""
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			text += fmt.Sprintf(verb, v)
		}
		if b, err := json.Marshal(v); err == nil {
			text += string(b)
		}
		for _, secret := range []string{accessKey, secretKey, sessionToken, webToken, fmt.Sprintf("%x", secretKey)} {
			if strings.Contains(text, secret) {
				t.Errorf("%T shows %s: %s", v, secret, text)
			}
		}
	}
}
