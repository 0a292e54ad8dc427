package boot_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/gmail/gmailsim"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

const (
	graphARN  = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:graph-AbCdEf"
	googleARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:google-GhIjKl"
	poolName  = "projects/123456789012/locations/global/workloadIdentityPools/aws/providers/postroom"
	robot     = "postroom@contoso-mail.iam.gserviceaccount.com"

	awsSecretKey = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY"
	webIdentity  = "eyJhbGciOiJSUzI1NiJ9.web-identity.c2ln"
	graphToken   = "token-of-entra"
	cloudToken   = "token-of-the-process-at-google"
)

// vendors are AWS, Entra, Google and both mail services, on the other side of one transport that counts by host. A host
// can be told to refuse.
type vendors struct {
	t     *testing.T
	clock *clock.Clock
	graph *graphsim.Sim
	gmail *gmailsim.Sim

	mu      sync.Mutex
	asked   map[string]int
	refuse  map[string]refusal
	secrets map[string]string // by ARN
	// secret is the client secret that Entra takes, if one is used.
	secret string
	issued int // tokens by Entra
}

type refusal struct {
	status int
	body   string
}

const (
	entraHost   = "login.microsoftonline.com"
	graphHost   = "graph.microsoft.com"
	gmailHost   = "gmail.googleapis.com"
	oauthHost   = "oauth2.googleapis.com"
	iamHost     = "iamcredentials.googleapis.com"
	poolHost    = "sts.googleapis.com"
	stsHost     = "sts.eu-central-1.amazonaws.com"
	secretsHost = "secretsmanager.eu-central-1.amazonaws.com"
)

func newVendors(t *testing.T, m *manifest.Manifest) *vendors {
	t.Helper()
	v := &vendors{t: t, clock: clock.At(time.Now().UTC()), asked: map[string]int{}, refuse: map[string]refusal{}, secrets: map[string]string{}, secret: clientSecret}
	v.graph = &graphsim.Sim{Now: v.clock.Now, Token: graphToken}
	v.gmail = gmailsim.New()
	v.gmail.Now = v.clock.Now
	v.gmail.Subject = func(r *http.Request) (string, bool) {
		return strings.CutPrefix(r.Header.Get("Authorization"), "Bearer mailbox:")
	}
	for _, mb := range m.Mailboxes() {
		if mb.Provider == manifest.Gmail {
			v.gmail.AddMailbox(string(mb.Policy.Mailbox))
		} else if err := v.graph.AddMailbox(graphsim.Mailbox{Address: string(mb.Policy.Mailbox), Name: mb.Name}); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

func (v *vendors) count(hosts ...string) (n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for host, m := range v.asked {
		if len(hosts) == 0 {
			n += m
		}
		for _, h := range hosts {
			if h == host {
				n += m
			}
		}
	}
	return n
}

// tokens is how many Entra has issued.
func (v *vendors) tokens() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.issued
}

// says makes a host refuse; status 0 ends that.
func (v *vendors) says(host string, status int, body string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.refuse, host)
	if status != 0 {
		v.refuse[host] = refusal{status, body}
	}
}

func (v *vendors) store(arn, secret string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.secrets[arn] = secret
}

// sources are the SDK's own clients, on this transport.
func (v *vendors) sources() boot.Sources {
	held := credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", awsSecretKey, "session")
	client := &http.Client{Transport: v}
	return boot.Sources{
		Secrets: secretsmanager.New(secretsmanager.Options{Region: "eu-central-1", Credentials: held, HTTPClient: client, RetryMaxAttempts: 1}),
		STS:     sts.New(sts.Options{Region: "eu-central-1", Credentials: held, HTTPClient: client, RetryMaxAttempts: 1}),
		AWS:     held, Region: "eu-central-1", Transport: wire(v.RoundTrip), Now: v.clock.Now,
	}
}

// RoundTrip implements http.RoundTripper.
func (v *vendors) RoundTrip(r *http.Request) (*http.Response, error) {
	v.mu.Lock()
	v.asked[r.URL.Host]++
	refused, no := v.refuse[r.URL.Host]
	v.mu.Unlock()
	var to http.Handler = http.HandlerFunc(v.other)
	switch {
	case no:
		to = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(refused.status)
			_, _ = io.WriteString(w, refused.body)
		})
	case r.URL.Host == graphHost:
		to = v.graph
	case r.URL.Host == gmailHost:
		to = v.gmail
	}
	return (&fault.Transport{Handler: to}).RoundTrip(r)
}

// other is everybody but the mail services.
func (v *vendors) other(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	w.Header().Set("Content-Type", "application/json")
	v.mu.Lock()
	defer v.mu.Unlock()
	switch at := "https://" + entraHost + "/tenant"; r.Host {
	case stsHost:
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, `<GetWebIdentityTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetWebIdentityTokenResult><WebIdentityToken>%s</WebIdentityToken>`+
			`<Expiration>%s</Expiration></GetWebIdentityTokenResult></GetWebIdentityTokenResponse>`, webIdentity, v.clock.Now().Add(5*time.Minute).Format(time.RFC3339))
	case secretsHost:
		var in struct{ SecretId string }
		_ = json.Unmarshal(body, &in)
		secret, ok := v.secrets[in.SecretId]
		if !ok {
			w.WriteHeader(400)
			fmt.Fprint(w, `{"__type":"ResourceNotFoundException","Message":"Secrets Manager can't find the specified secret."}`)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"ARN": in.SecretId, "SecretString": secret})
	case entraHost:
		switch {
		case strings.Contains(r.URL.Path, "discovery/instance"):
			fmt.Fprintf(w, `{"tenant_discovery_endpoint":"%s/v2.0/.well-known/openid-configuration","metadata":[{"preferred_network":%q,"preferred_cache":%q,"aliases":[%q]}]}`, at, r.Host, r.Host, r.Host)
		case strings.Contains(r.URL.Path, "openid-configuration"):
			fmt.Fprintf(w, `{"token_endpoint":"%s/oauth2/v2.0/token","issuer":"%s/v2.0","authorization_endpoint":"%s/oauth2/v2.0/authorize"}`, at, at, at)
		case form.Get("client_secret") != v.secret && form.Get("client_assertion") == "":
			w.WriteHeader(401)
			fmt.Fprint(w, `{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys for app 'x' are expired."}`)
		default:
			v.issued++
			fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":3599,"access_token":%q}`, graphToken)
		}
	case poolHost:
		if !strings.Contains(form.Get("subject_token"), "GetCallerIdentity") || form.Get("audience") != "//iam.googleapis.com/"+poolName {
			v.t.Errorf("the proof is %s", body)
		}
		fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, cloudToken)
	case iamHost:
		var in struct{ Payload string }
		_ = json.Unmarshal(body, &in)
		if r.Header.Get("Authorization") != "Bearer "+cloudToken || !strings.HasSuffix(r.URL.Path, "/"+robot+":signJwt") {
			v.t.Errorf("%s with %s", r.URL.Path, r.Header.Get("Authorization"))
		}
		fmt.Fprintf(w, `{"signedJwt":"h.%s.s"}`, base64.RawURLEncoding.EncodeToString([]byte(in.Payload)))
	case oauthHost:
		var claims struct{ Sub string }
		if parts := strings.Split(form.Get("assertion"), "."); len(parts) == 3 {
			payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
			_ = json.Unmarshal(payload, &claims)
		}
		fmt.Fprintf(w, `{"access_token":"mailbox:%s","token_type":"Bearer","expires_in":3599}`, claims.Sub)
	default:
		v.t.Errorf("a request to %s", r.URL)
		w.WriteHeader(http.StatusTeapot)
	}
}
