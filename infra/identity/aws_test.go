package identity_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// What may be seen nowhere.
const (
	accessKey    = "AKIDEXAMPLE"
	secretKey    = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY"
	sessionToken = "session-token-of-the-role"
	webToken     = "eyJhbGciOiJSUzI1NiJ9.web-identity-of-the-role"
	clientSecret = "s3cret~of.the-app"
)

// amazon is STS and Secrets Manager as far as they are used here, behind sockets of this machine.
type amazon struct {
	url string

	mu sync.Mutex
	// refusal is the code and the message of the answer, if set.
	refusal [2]string
	status  int
	// token makes the answer to GetWebIdentityToken.
	token   func(n int) (token, expiration string)
	session time.Duration // what is left of the role's session; 0: enough
	secrets map[string]map[string]any
	asked   []url.Values // of STS
	read    []string     // ARNs
}

func newAmazon(t *testing.T) *amazon {
	t.Helper()
	a := &amazon{token: func(int) (string, string) { return webToken, "2026-11-03T09:05:00Z" }}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	a.url = server.URL
	return a
}

func (a *amazon) held() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(accessKey, secretKey, sessionToken)
}

func (a *amazon) sts() *sts.Client {
	return sts.New(sts.Options{Region: "eu-central-1", BaseEndpoint: &a.url, Credentials: a.held(), RetryMaxAttempts: 1})
}

func (a *amazon) secretsManager() *secretsmanager.Client {
	return secretsmanager.New(secretsmanager.Options{Region: "eu-central-1", BaseEndpoint: &a.url, Credentials: a.held(), RetryMaxAttempts: 1})
}

func (a *amazon) refuse(status int, code, message string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status, a.refusal = status, [2]string{code, message}
}

func (a *amazon) questions() []url.Values {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked
}

func (a *amazon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if r.Header.Get("X-Amz-Target") == "secretsmanager.GetSecretValue" {
		a.secret(w, body)
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("Action") != "GetWebIdentityToken" {
		http.Error(w, "unknown action", http.StatusBadRequest)
		return
	}
	a.asked = append(a.asked, form)
	w.Header().Set("Content-Type", "text/xml")
	if life, err := strconv.Atoi(form.Get("DurationSeconds")); err == nil && a.session > 0 && time.Duration(life)*time.Second > a.session {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>SessionDurationEscalationException</Code>`+
			`<Message>The requested token duration would extend the session beyond its original expiration time.</Message></Error></ErrorResponse>`)
		return
	}
	if a.refusal[0] != "" {
		w.WriteHeader(a.status)
		fmt.Fprintf(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code>`+
			`<Message>%s</Message></Error><RequestId>2b1</RequestId></ErrorResponse>`, a.refusal[0], a.refusal[1])
		return
	}
	token, expiration := a.token(len(a.asked))
	fmt.Fprintf(w, `<GetWebIdentityTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetWebIdentityTokenResult>`+
		`<WebIdentityToken>%s</WebIdentityToken><Expiration>%s</Expiration></GetWebIdentityTokenResult></GetWebIdentityTokenResponse>`, token, expiration)
}

func (a *amazon) secret(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	answer := func(status int, v any) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	var in struct{ SecretId string }
	if err := json.Unmarshal(body, &in); err != nil {
		answer(400, map[string]string{"__type": "SerializationException"})
		return
	}
	a.read = append(a.read, in.SecretId)
	switch held, ok := a.secrets[in.SecretId]; {
	case a.refusal[0] != "":
		answer(a.status, map[string]string{"__type": a.refusal[0], "Message": a.refusal[1]})
	case !ok:
		answer(400, map[string]string{"__type": "ResourceNotFoundException", "Message": "Secrets Manager can't find the specified secret."})
	default:
		answer(200, held)
	}
}
