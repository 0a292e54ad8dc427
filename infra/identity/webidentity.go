package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// EntraAudience is the audience of an app's federated credential, unless its administrator has named another one
// ("federatedIdentityCredential resource type", audiences).
const EntraAudience = "api://AzureADTokenExchange"

const (
	// webIdentityLife is asked of STS, in seconds: its default. A token is exchanged at once, so that a longer life serves
	// only who steals it. STS gives 60 to 3600 ("GetWebIdentityToken").
	webIdentityLife = 300
	// webIdentityLeast is asked of STS where the role's session ends before webIdentityLife has passed: the least it gives.
	webIdentityLeast = 60
	// webIdentityMargin is how long a token must be valid still to be given out: a slow exchange, and clocks that differ.
	webIdentityMargin = time.Minute
)

// STS is what is called of the client of AWS's Security Token Service. The client must have a region: the global endpoint
// does not serve this call.
type STS interface {
	GetWebIdentityToken(context.Context, *sts.GetWebIdentityTokenInput, ...func(*sts.Options)) (*sts.GetWebIdentityTokenOutput, error)
}

// WebIdentity gives tokens in which AWS says which role this process has: outbound identity federation. Its methods may be
// called at once; a value must not be copied.
type WebIdentity struct {
	Client   STS
	Audience string           // EntraAudience if empty
	Now      func() time.Time // time.Now if nil

	mu    sync.Mutex
	token string
	until time.Time
}

// Token gives a token that is valid for a minute, or nearly in the last minutes of the role's session. It asks STS once for
// as long as it holds, however many ask at once; a failure is not kept.
func (w *WebIdentity) Token(ctx context.Context) (string, error) {
	now := w.Now
	if now == nil {
		now = time.Now
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	// On a machine that sleeps, as Lambda's do between events, the monotonic clock may stand still while a token ages.
	asked := now().Round(0)
	if asked.Add(webIdentityMargin).Before(w.until) {
		return w.token, nil
	}
	audience := w.Audience
	if audience == "" {
		audience = EntraAudience
	}
	what := fmt.Sprintf("identity: ask AWS for a token for %s", audience)
	out, err := w.ask(ctx, audience, webIdentityLife)
	if outlivesSession(err) {
		out, err = w.ask(ctx, audience, webIdentityLeast)
	}
	if err != nil {
		return "", explain(what, err,
			fix{[]string{"OutboundWebIdentityFederationDisabledException", "OutboundWebIdentityFederationDisabled"},
				"outbound identity federation is off for this AWS account: enable it once with `aws iam enable-outbound-web-identity-federation`"},
			fix{denied, fmt.Sprintf("allow the function's role sts:GetWebIdentityToken for the audience %s and the algorithm RS256, "+
				"and check that no service control policy denies it", audience)},
			fix{[]string{"RegionDisabledException"}, "activate STS for this region in the IAM console under Account settings"},
		)
	}
	token := aws.ToString(out.WebIdentityToken)
	if token == "" {
		return "", fmt.Errorf("%s: %w", what, errors.New("the answer has none"))
	}
	w.token, w.until = token, asked.Add(webIdentityLife*time.Second)
	if end := out.Expiration; end != nil && end.Before(w.until) {
		w.until = *end
	}
	return token, nil
}

func (w *WebIdentity) ask(ctx context.Context, audience string, life int32) (*sts.GetWebIdentityTokenOutput, error) {
	return w.Client.GetWebIdentityToken(ctx, &sts.GetWebIdentityTokenInput{
		Audience: []string{audience},
		// Entra refuses what is signed with an elliptic curve: AADSTS5002738 "'ES384' is not a supported signature algorithm".
		SigningAlgorithm: aws.String("RS256"),
		DurationSeconds:  &life,
	})
}

// outlivesSession reports whether STS refused a token because the role's session ends first ("GetWebIdentityToken",
// SessionDurationEscalation).
func outlivesSession(err error) bool {
	var refused smithy.APIError
	return errors.As(err, &refused) && strings.HasPrefix(refused.ErrorCode(), "SessionDurationEscalation")
}

// Format shows whom the tokens are for, and no token, whatever the verb.
func (w *WebIdentity) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "web identity for %s", w.Audience) }
