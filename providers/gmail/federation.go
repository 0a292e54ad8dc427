package gmail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/providers/google"
)

// Where the three steps to a token are taken.
const (
	exchangeURL = "https://sts.googleapis.com/v1/token"
	signURL     = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
	tokenURL    = "https://oauth2.googleapis.com/token"
)

const (
	cloudPlatform = "https://www.googleapis.com/auth/cloud-platform"
	// assertionLife is how long a signed assertion holds; it is exchanged at once. Google takes an hour at most.
	assertionLife = 5 * time.Minute
	// assertionSkew is how far this machine's clock may be ahead: Google takes no assertion of the future. Its own
	// libraries allow for as much.
	assertionSkew = 10 * time.Second
	// tokenMargin is how long a token must be valid still to be used for another request.
	tokenMargin = time.Minute
	// maxTokenAnswer bounds an answer that is to hold a token, in bytes.
	maxTokenAnswer = 1 << 20
)

// Federation gives tokens that act for each mailbox through domain-wide delegation without any key: a workload identity
// provider of Google's takes the process's own proof of where it runs, and lets it have the service account sign. The
// provider's external_account credentials alone cannot do that, because they leave the subject out. Google's library for
// it has no typed errors, makes its own exchange for every mailbox and takes no clock; hence the three requests are here.
type Federation struct {
	Provider string   // full name: projects/N/locations/global/workloadIdentityPools/P/providers/V
	Account  string   // e-mail address of the service account
	Scopes   []string // of the tokens; Scope alone if empty
	// Proof gives a subject token for the audience, of the type urn:ietf:params:aws:token-type:aws4_request. It must be
	// safe for use from many goroutines.
	Proof func(ctx context.Context, audience string) (string, error)
	// Transport carries the requests; http.DefaultTransport if nil.
	Transport http.RoundTripper
	Now       func() time.Time // time.Now if nil
}

var (
	providerName = regexp.MustCompile(`^projects/[0-9]+/locations/global/workloadIdentityPools/[a-z0-9-]+/providers/[a-z0-9-]+$`)
	accountName  = regexp.MustCompile(`^[a-z0-9-]+@[a-z0-9.:-]+\.gserviceaccount\.com$`)
)

// Tokens checks the names and sends nothing. A token for a mailbox takes up to three requests, in half a minute
// together: one for all mailboxes an hour, and two for each.
func (f Federation) Tokens() (Tokens, error) {
	if !providerName.MatchString(f.Provider) {
		return nil, fmt.Errorf("gmail: %q is no workload identity provider: write its full name, "+
			"projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER, with the project's number and not its id", f.Provider)
	}
	if !accountName.MatchString(f.Account) {
		return nil, fmt.Errorf("gmail: %q is no service account: write its e-mail address, NAME@PROJECT.iam.gserviceaccount.com", f.Account)
	}
	if f.Now == nil {
		f.Now = time.Now
	}
	if len(f.Scopes) == 0 {
		f.Scopes = []string{Scope}
	}
	g := &federated{Federation: f, client: google.Client(f.Transport)}
	return func(mailbox inbox.MailboxID) (oauth2.TokenSource, error) {
		return &standIn{federated: g, mailbox: mailbox}, nil
	}, nil
}

// federated keeps the process's own token, which all mailboxes share.
type federated struct {
	Federation
	client *http.Client

	mu    sync.Mutex
	token string
	until time.Time
}

// standIn is a mailbox's source. It does not cache.
type standIn struct {
	*federated
	mailbox inbox.MailboxID
}

// Token implements oauth2.TokenSource.
func (d *standIn) Token() (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(context.Background(), google.TokenTime)
	defer cancel()
	assertion, err := d.sign(ctx, d.mailbox)
	if err != nil {
		return nil, err
	}
	asked := d.Now()
	got, err := d.redeem(ctx, delegation, tokenURL, url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion},
	})
	if err != nil {
		return nil, err
	}
	// oauth2 compares with the machine's clock.
	life := time.Duration(got.Life) * time.Second
	return &oauth2.Token{AccessToken: got.Token, TokenType: "Bearer", Expiry: asked.Add(life), ExpiresIn: got.Life}, nil
}

// Format shows the mailbox and no token, whatever the verb.
func (d *standIn) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "tokens for %s", d.mailbox) }

// sign has the service account sign that it acts for the mailbox (projects.serviceAccounts.signJwt).
func (g *federated) sign(ctx context.Context, mailbox inbox.MailboxID) (string, error) {
	own, err := g.own(ctx)
	if err != nil {
		return "", err
	}
	now := g.Now().Add(-assertionSkew)
	claims, err := json.Marshal(map[string]any{
		"iss": g.Account, "sub": string(mailbox), "scope": strings.Join(g.Scopes, " "), "aud": tokenURL,
		"iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(map[string]string{"payload": string(claims)})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, signURL+url.PathEscape(g.Account)+":signJwt", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+own)
	answer, err := g.do(signing, req)
	if err != nil {
		var refused *refusal
		if errors.As(err, &refused) && refused.status == http.StatusUnauthorized {
			g.forget(own)
		}
		return "", err
	}
	var got struct {
		Signed string `json:"signedJwt"`
	}
	if err := json.Unmarshal(answer, &got); err != nil || got.Signed == "" {
		return "", errors.New("the answer to signJwt holds no assertion")
	}
	return got.Signed, nil
}

// own is the token of the process itself, at Google. One request for it is under way at a time.
func (g *federated) own(ctx context.Context) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	// On a machine that sleeps, as Lambda's do between events, the monotonic clock may stand still while a token ages.
	asked := g.Now().Round(0)
	if asked.Add(tokenMargin).Before(g.until) {
		return g.token, nil
	}
	audience := "//iam.googleapis.com/" + g.Provider
	proof, err := g.Proof(ctx, audience)
	if err != nil {
		return "", err
	}
	got, err := g.redeem(ctx, exchange, exchangeURL, url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "audience": {audience}, "scope": {cloudPlatform},
		"requested_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
		"subject_token_type":   {"urn:ietf:params:aws:token-type:aws4_request"}, "subject_token": {proof},
	})
	if err != nil {
		return "", err
	}
	g.token, g.until = got.Token, asked.Add(time.Duration(got.Life)*time.Second)
	return g.token, nil
}

// forget drops the process's own token if it is still this one.
func (g *federated) forget(token string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.token == token {
		g.token, g.until = "", time.Time{}
	}
}

// granted is an answer of a token endpoint.
type granted struct {
	Token string `json:"access_token"`
	Life  int64  `json:"expires_in"` // seconds
}

func (g *federated) redeem(ctx context.Context, at tokenStep, to string, form url.Values) (granted, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		return granted{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	body, err := g.do(at, req)
	if err != nil {
		return granted{}, err
	}
	var got granted
	if err := json.Unmarshal(body, &got); err != nil || got.Token == "" {
		return granted{}, fmt.Errorf("the answer of %s holds no token", req.URL.Host)
	}
	return got, nil
}

// do sends a request and gives the body of its answer; *refusal where it is none of success.
func (g *federated) do(at tokenStep, req *http.Request) ([]byte, error) {
	resp, err := g.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", req.URL.Host, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, newRefusal(at, resp.StatusCode, body)
	}
	return body, nil
}
