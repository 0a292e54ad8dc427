package web_test

import (
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/functions/web"
)

func newGmail() (*web.Gmail, *queue, *logged) {
	q, log := &queue{}, &logged{}
	return &web.Gmail{
		Keys:         &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{&google().PublicKey}},
		Audience:     audience,
		Account:      account,
		Subscription: subscription,
		Mailbox:      func(_ context.Context, m inbox.MailboxID) (bool, error) { return m == "help@fabrikam.com", nil },
		Hints:        q,
		Now:          clock,
		Log:          log.logger(),
	}, q, log
}

// pushBody is what Pub/Sub sends.
func pushBody(data string) string {
	return fmt.Sprintf(`{"message":{"data":%q,"messageId":"75","message_id":"75","publishTime":"2026-11-20T11:59:59.877Z","publish_time":"2026-11-20T11:59:59.877Z"},"subscription":%q}`,
		data, subscription)
}

func std(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

const helpData = `{"emailAddress":"help@fabrikam.com","historyId":1006196}`

func postGmail(t testing.TB, g *web.Gmail, authorization, body string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/hooks/gmail", strings.NewReader(body))
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return serve(t, g, r)
}

func TestGmailPushes(t *testing.T) {
	t.Parallel()
	one := web.Counts{Accepted: 1, Enqueued: 1}
	rubbish := web.Counts{Malformed: 1}
	unknown := web.Counts{Unknown: 1}
	// Long enough, and with bytes that the two alphabets write differently.
	odd := `{"emailAddress":"help@fabrikam.com","historyId":"1006196","x":"???>>>~~~ÿÿ"}`
	if !strings.ContainsAny(std(odd), "+/") {
		t.Fatal("the sample has none of the bytes it is for")
	}
	for name, tc := range map[string]struct {
		body   string
		status int
		counts web.Counts
	}{
		"historyId a number":     {pushBody(std(helpData)), 204, one},
		"historyId text":         {pushBody(std(`{"emailAddress":"help@fabrikam.com","historyId":"9876543210"}`)), 204, one},
		"historyId above 2^64":   {pushBody(std(`{"emailAddress":"help@fabrikam.com","historyId":99999999999999999999999999}`)), 204, one},
		"historyId 0":            {pushBody(std(`{"emailAddress":"help@fabrikam.com","historyId":0}`)), 204, one},
		"no historyId":           {pushBody(std(`{"emailAddress":"help@fabrikam.com"}`)), 204, one},
		"capitals":               {pushBody(std(`{"emailAddress":"Help@Fabrikam.COM","historyId":1}`)), 204, one},
		"standard, padded":       {pushBody(base64.StdEncoding.EncodeToString([]byte(odd))), 204, one},
		"standard, unpadded":     {pushBody(base64.RawStdEncoding.EncodeToString([]byte(odd))), 204, one},
		"URL-safe, padded":       {pushBody(base64.URLEncoding.EncodeToString([]byte(odd))), 204, one},
		"URL-safe, unpadded":     {pushBody(base64.RawURLEncoding.EncodeToString([]byte(odd))), 204, one},
		"unknown fields":         {strings.Replace(pushBody(std(helpData)), `{"message"`, `{"deliveryAttempt":5,"x":[{}],"message"`, 1), 204, one},
		"attributes":             {strings.Replace(pushBody(std(helpData)), `{"data"`, `{"attributes":{"a":"b"},"data"`, 1), 204, one},
		"doubled data, last one": {strings.Replace(pushBody(std(helpData)), `{"data"`, `{"data":"!","data"`, 1), 204, one},
		"another mailbox":        {pushBody(std(`{"emailAddress":"anna@fabrikam.com","historyId":1}`)), 204, unknown},
		"a mailbox like ours":    {pushBody(std(`{"emailAddress":"help@fabrikam.com.example","historyId":1}`)), 204, unknown},
		"no address":             {pushBody(std(`{"historyId":1}`)), 204, rubbish},
		"address a number":       {pushBody(std(`{"emailAddress":7,"historyId":1}`)), 204, rubbish},
		"data no JSON":           {pushBody(std(`hello`)), 204, rubbish},
		"data no base64":         {pushBody(`!!!!`), 204, rubbish},
		"padding inside":         {pushBody(std(helpData) + "=A"), 204, rubbish},
		"no data":                {`{"message":{},"subscription":"` + subscription + `"}`, 204, rubbish},
		"no message":             {`{"subscription":"` + subscription + `"}`, 204, rubbish},
		"data a number":          {`{"message":{"data":1},"subscription":"` + subscription + `"}`, 204, rubbish},
		"empty":                  {``, 204, rubbish},
		"unwrapped":              {helpData[:30], 204, rubbish},
		"a list":                 {`[` + pushBody(std(helpData)) + `]`, 204, rubbish},
		"something after it":     {pushBody(std(helpData)) + `x`, 204, rubbish},
		"deep":                   {strings.Repeat(`{"message":`, 50_000), 204, rubbish},
		"data deep":              {pushBody(std(strings.Repeat(`[`, 50_000))), 204, rubbish},
		"at the limit":           {pushBody(std(helpData)) + strings.Repeat(" ", 1<<20-len(pushBody(std(helpData)))), 204, one},
		"over the limit":         {pushBody(std(helpData)) + strings.Repeat(" ", 1<<20), 204, rubbish},
		"another subscription":   {strings.Replace(pushBody(std(helpData)), "/postroom", "/other", 1), 403, web.Counts{Refused: 1}},
		"a longer subscription":  {strings.Replace(pushBody(std(helpData)), "/postroom", "/postroom2", 1), 403, web.Counts{Refused: 1}},
		"no subscription":        {`{"message":{"data":"` + std(helpData) + `"}}`, 403, web.Counts{Refused: 1}},
		"unwrapped, whole":       {helpData, 403, web.Counts{Refused: 1}},
		"null":                   {`null`, 403, web.Counts{Refused: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, q, log := newGmail()
			token := sign(t, google(), pushClaims())
			resp := postGmail(t, g, "Bearer "+token, tc.body)
			if resp.StatusCode != tc.status {
				t.Errorf("status %d, want %d", resp.StatusCode, tc.status)
			}
			tc.counts.Requests = 1
			if got := g.Counts(); got != tc.counts {
				t.Errorf("counts %+v\n  want %+v", got, tc.counts)
			}
			if int64(len(q.hints)) != tc.counts.Enqueued {
				t.Errorf("hints %+v", q.hints)
			}
			for _, h := range q.hints {
				if h.Mailbox != "help@fabrikam.com" || h.Source != web.SourceGmail || !h.At.Equal(noon) {
					t.Errorf("hint %+v", h)
				}
			}
			if named := strings.Contains(log.String(), "help@fabrikam.com"); named != (tc.counts.Accepted == 1) {
				t.Errorf("the log names the mailbox: %t: %s", named, log)
			}
			if n := strings.Count(log.String(), "\n"); n != 1 {
				t.Errorf("%d log lines, want 1: %s", n, log)
			}
			for _, secret := range []string{token, strings.Split(token, ".")[2], "anna@"} {
				if strings.Contains(log.String(), secret) {
					t.Errorf("%q is in the log: %s", secret, log)
				}
			}
		})
	}
}

func TestGmailTokens(t *testing.T) {
	t.Parallel()
	good := pushClaims()
	signed := func(c claims) string { return "Bearer " + sign(t, google(), c) }
	header := func(h map[string]any) string { return "Bearer " + signAs(t, google(), h, good) }
	whole := sign(t, google(), good)
	parts := strings.Split(whole, ".")
	for name, tc := range map[string]struct {
		authorization string
		status        int
	}{
		"good":                         {"Bearer " + whole, 204},
		"scheme in lower case":         {"bearer " + whole, 204},
		"issuer without scheme":        {signed(good.with("iss", "accounts.google.com")), 204}, // Google's identity documents allow it
		"audience in a list":           {signed(good.with("aud", []string{audience})), 204},
		"a second to go":               {signed(good.with("exp", noon.Unix()+1)), 204},
		"no key id":                    {header(map[string]any{"alg": "RS256"}), 204},
		"no header":                    {"", 401},
		"scheme only":                  {"Bearer", 401},
		"no token":                     {"Bearer ", 401},
		"basic":                        {"Basic " + whole, 401},
		"token only":                   {whole, 401},
		"two spaces":                   {"Bearer  " + whole, 401},
		"something after it":           {"Bearer " + whole + " x", 401},
		"four parts":                   {"Bearer " + whole + ".x", 401},
		"two parts":                    {"Bearer " + parts[0] + "." + parts[1], 401},
		"no signature":                 {"Bearer " + parts[0] + "." + parts[1] + ".", 401},
		"no payload":                   {"Bearer " + parts[0] + ".." + parts[2], 401},
		"JSON form":                    {`Bearer {"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, 401},
		"huge":                         {"Bearer " + strings.Repeat("A", 1<<20) + "." + parts[1] + "." + parts[2], 401},
		"huge, and signed by Google":   {signed(good.with("x", strings.Repeat("x", 8<<10))), 401},
		"signed by a stranger":         {"Bearer " + sign(t, stranger(), good), 401},
		"signature of other claims":    {"Bearer " + parts[0] + "." + encode(t, good.with("sub", "1")) + "." + parts[2], 401},
		"alg none":                     {"Bearer " + encode(t, map[string]any{"alg": "none"}) + "." + parts[1] + ".", 401},
		"alg none, signed":             {header(map[string]any{"alg": "none", "kid": keyID}), 401},
		"alg None":                     {"Bearer " + encode(t, map[string]any{"alg": "None"}) + "." + parts[1] + ".", 401},
		"HS256 with the key's PEM":     {"Bearer " + signHMAC(t, publicPEM(t, google()), good), 401},
		"HS256 with the key's DER":     {"Bearer " + signHMAC(t, publicDER(t, google()), good), 401},
		"HS256 with the modulus":       {"Bearer " + signHMAC(t, google().N.Bytes(), good), 401},
		"RS512 said, RS256 done":       {header(map[string]any{"alg": "RS512", "kid": keyID}), 401},
		"a key of its own":             {"Bearer " + signAs(t, stranger(), map[string]any{"alg": "RS256", "kid": keyID, "jwk": jwk(keyID, stranger())}, good), 401},
		"a key set of its own":         {"Bearer " + signAs(t, stranger(), map[string]any{"alg": "RS256", "kid": keyID, "jku": "https://example.com/keys"}, good), 401},
		"crit not understood":          {header(map[string]any{"alg": "RS256", "kid": keyID, "crit": []string{"x"}, "x": 1}), 401},
		"another issuer":               {signed(good.with("iss", "https://accounts.example.com")), 401},
		"issuer with slash":            {signed(good.with("iss", "https://accounts.google.com/")), 401},
		"issuer over http":             {signed(good.with("iss", "http://accounts.google.com")), 401},
		"no issuer":                    {signed(good.without("iss")), 401},
		"another audience":             {signed(good.with("aud", "https://hooks.example.com/hooks/gmail")), 401},
		"audience in capitals":         {signed(good.with("aud", strings.ToUpper(audience))), 401},
		"audience with slash":          {signed(good.with("aud", audience+"/")), 401},
		"audience empty":               {signed(good.with("aud", "")), 401},
		"no audience":                  {signed(good.without("aud")), 401},
		"two audiences":                {signed(good.with("aud", []string{audience, "https://example.com"})), 401},
		"expired":                      {signed(good.with("exp", noon.Unix()-1)), 401},
		"expires now":                  {signed(good.with("exp", noon.Unix())), 401},
		"no expiry":                    {signed(good.without("exp")), 401},
		"expiry null":                  {signed(good.with("exp", nil)), 401},
		"expiry text":                  {signed(good.with("exp", "tomorrow")), 401},
		"not yet":                      {signed(good.with("nbf", noon.Unix()+3600)), 401},
		"another account":              {signed(good.with("email", "push@attacker.iam.gserviceaccount.com")), 403},
		"account in capitals":          {signed(good.with("email", strings.ToUpper(account))), 403},
		"no account":                   {signed(good.without("email")), 403},
		"account a list":               {signed(good.with("email", []string{account})), 403},
		"not verified":                 {signed(good.with("email_verified", false)), 403},
		"verified as text":             {signed(good.with("email_verified", "true")), 403},
		"verified not said":            {signed(good.without("email_verified")), 403},
		"the rest of it is a stranger": {"Bearer " + sign(t, stranger(), claims{}), 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, q, log := newGmail()
			resp := postGmail(t, g, tc.authorization, pushBody(std(helpData)))
			if resp.StatusCode != tc.status {
				t.Fatalf("status %d, want %d; log: %s", resp.StatusCode, tc.status, log)
			}
			if good := tc.status == 204; (len(q.hints) == 1) != good || (g.Counts().Refused == 0) != good {
				t.Errorf("hints %+v, counts %+v", q.hints, g.Counts())
			}
			if got := resp.Header.Get("WWW-Authenticate"); (got == "Bearer") != (tc.status == 401) {
				t.Errorf("WWW-Authenticate %q", got)
			}
			if n := strings.Count(log.String(), "\n"); n != 1 {
				t.Errorf("%d log lines, want 1", n)
			}
			for _, secret := range []string{parts[1], parts[2], "attacker", "example.com"} {
				if strings.Contains(log.String(), secret) {
					t.Errorf("%q is in the log: %s", secret, log)
				}
			}
		})
	}
}

// Two Authorization headers let a proxy check the one and us the other.
func TestGmailTwoAuthorizations(t *testing.T) {
	t.Parallel()
	g, q, _ := newGmail()
	r := httptest.NewRequest(http.MethodPost, "/hooks/gmail", strings.NewReader(pushBody(std(helpData))))
	r.Header["Authorization"] = []string{"Bearer " + sign(t, google(), pushClaims()), "Bearer x"}
	if resp := serve(t, g, r); resp.StatusCode != http.StatusUnauthorized || len(q.hints) != 0 {
		t.Errorf("status %d, hints %v", resp.StatusCode, q.hints)
	}
}

// Who has not shown who he is does not have his body read.
func TestGmailReadsNoBodyBeforeToken(t *testing.T) {
	t.Parallel()
	g, _, _ := newGmail()
	body := &readNothing{}
	r := httptest.NewRequest(http.MethodPost, "/hooks/gmail", body)
	r.Header.Set("Authorization", "Bearer "+sign(t, stranger(), pushClaims()))
	if resp := serve(t, g, r); resp.StatusCode != http.StatusUnauthorized || body.read {
		t.Errorf("status %d, body read: %t", resp.StatusCode, body.read)
	}
}

type readNothing struct{ read bool }

func (r *readNothing) Read([]byte) (int, error) {
	r.read = true
	return 0, io.EOF
}

func TestGmailBodyBreaksOff(t *testing.T) {
	t.Parallel()
	g, q, _ := newGmail()
	r := httptest.NewRequest(http.MethodPost, "/hooks/gmail", iotest.ErrReader(io.ErrUnexpectedEOF))
	r.Header.Set("Authorization", "Bearer "+sign(t, google(), pushClaims()))
	if resp := serve(t, g, r); resp.StatusCode != http.StatusBadRequest || len(q.hints) != 0 {
		t.Errorf("status %d, hints %v: what has not come whole must not be acknowledged", resp.StatusCode, q.hints)
	}
}

// The same push twice, and an older historyId after a newer one, are hints like any other.
func TestGmailDiscardsNoPush(t *testing.T) {
	t.Parallel()
	g, q, _ := newGmail()
	for _, id := range []string{"500", "500", "499", `"501"`, "1"} {
		body := pushBody(std(`{"emailAddress":"help@fabrikam.com","historyId":` + id + `}`))
		if resp := postGmail(t, g, "Bearer "+sign(t, google(), pushClaims()), body); resp.StatusCode != 204 {
			t.Fatalf("status %d", resp.StatusCode)
		}
	}
	if len(q.hints) != 5 {
		t.Errorf("%d hints, want 5", len(q.hints))
	}
}

func TestGmailQueueRefuses(t *testing.T) {
	t.Parallel()
	g, q, log := newGmail()
	q.err = errors.New("queue is down")
	bearer := "Bearer " + sign(t, google(), pushClaims())
	if resp := postGmail(t, g, bearer, pushBody(std(helpData))); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", resp.StatusCode)
	}
	if c := g.Counts(); c.Failed != 1 || c.Enqueued != 0 {
		t.Errorf("counts %+v", c)
	}
	if !strings.Contains(log.String(), "help@fabrikam.com") || !strings.Contains(log.String(), "queue is down") {
		t.Errorf("log: %s", log)
	}
	if resp := postGmail(t, g, bearer, "rubbish"); resp.StatusCode != http.StatusNoContent {
		t.Errorf("rubbish: status %d, want 204: the queue is not needed for it", resp.StatusCode)
	}
	if resp := postGmail(t, g, "Bearer x.y.z", pushBody(std(helpData))); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a stranger's: status %d, want 401", resp.StatusCode)
	}
}

// failing is a key set that cannot be had.
func TestGmailMailboxesUnavailable(t *testing.T) {
	g, q, log := newGmail()
	g.Mailbox = func(context.Context, inbox.MailboxID) (bool, error) {
		return false, errors.New("the table is throttled")
	}
	body := pushBody(std(`{"emailAddress":"help@fabrikam.com","historyId":9}`))
	if resp := postGmail(t, g, "Bearer "+sign(t, google(), pushClaims()), body); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d; only 503 brings the push back", resp.StatusCode)
	}
	if got := q.mailboxes(); len(got) > 0 {
		t.Errorf("enqueued %v", got)
	}
	if !strings.Contains(log.String(), "the table is throttled") {
		t.Errorf("in the log: %s", log)
	}
}

type failing struct{ err error }

func (f failing) VerifySignature(context.Context, string) ([]byte, error) { return nil, f.err }

func TestGmailKeysUnavailable(t *testing.T) {
	t.Parallel()
	for err, status := range map[error]int{
		fmt.Errorf("fetching: %w", web.ErrKeysUnavailable): 503,
		context.DeadlineExceeded:                           503,
		errors.New("no key of that id"):                    401,
	} {
		g, q, _ := newGmail()
		g.Keys = failing{err}
		if resp := postGmail(t, g, "Bearer "+sign(t, google(), pushClaims()), pushBody(std(helpData))); resp.StatusCode != status || len(q.hints) != 0 {
			t.Errorf("%v: status %d, want %d; hints %v", err, resp.StatusCode, status, q.hints)
		}
	}
}

// A hook that was set up without one of its checks lets nobody in, not even whoever has a token with that claim empty.
func TestGmailNotSetUp(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*web.Gmail){
		"Audience":     func(g *web.Gmail) { g.Audience = "" },
		"Account":      func(g *web.Gmail) { g.Account = "" },
		"Subscription": func(g *web.Gmail) { g.Subscription = "" },
		"Keys":         func(g *web.Gmail) { g.Keys = nil },
		"Mailbox":      func(g *web.Gmail) { g.Mailbox = nil },
		"Hints":        func(g *web.Gmail) { g.Hints = nil },
		"Now":          func(g *web.Gmail) { g.Now = nil },
	} {
		g, q, _ := newGmail()
		spoil(g)
		bearer := "Bearer " + sign(t, google(), pushClaims().with("aud", "").with("email", ""))
		if resp := postGmail(t, g, bearer, `{"message":{"data":"`+std(helpData)+`"}}`); resp.StatusCode != http.StatusInternalServerError || len(q.hints) != 0 {
			t.Errorf("%s: status %d, hints %v", name, resp.StatusCode, q.hints)
		}
		if _, err := web.Mux(nil, g); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: Mux says %v", name, err)
		}
	}
}

func TestGmailOnlyPost(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "OPTIONS"} {
		g, q, _ := newGmail()
		r := httptest.NewRequest(method, "/hooks/gmail", strings.NewReader(pushBody(std(helpData))))
		r.Header.Set("Authorization", "Bearer "+sign(t, google(), pushClaims()))
		if resp := serve(t, g, r); resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "POST" || len(q.hints) != 0 {
			t.Errorf("%s: status %d, Allow %q, hints %v", method, resp.StatusCode, resp.Header.Get("Allow"), q.hints)
		}
	}
}

// Counts are read by people and by "postroom status", so they have names of their own.
func TestCountsAsJSON(t *testing.T) {
	t.Parallel()
	g, _, _ := newGmail()
	postGmail(t, g, "Bearer "+sign(t, google(), pushClaims()), pushBody(std(helpData)))
	b, err := json.Marshal(g.Counts())
	if err != nil {
		t.Fatal(err)
	}
	var names map[string]int64
	if err := json.Unmarshal(b, &names); err != nil {
		t.Fatal(err)
	}
	if names["requests"] != 1 || names["enqueued"] != 1 || names["refused"] != 0 || len(names) != 10 {
		t.Errorf("%s", b)
	}
}
