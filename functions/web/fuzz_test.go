package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/inbox"
)

// FuzzGraph posts anything at all. With a queue that works nothing is answered 5xx, nothing comes back, and nothing is
// enqueued or written for a mailbox whose secret is not in the body.
func FuzzGraph(f *testing.F) {
	for _, body := range []string{
		items(item(supportID, supportSecret), item(salesID, "guess"), item("x", "")),
		items(lifecycleItem(supportID, supportSecret, "subscriptionRemoved"), lifecycleItem(salesID, salesSecret, "reauthorizationRequired")),
		items(item(supportID, salesSecret), item(emptyID, ""), item(gmailWatchID, "")),
		`{"value":[{"subscriptionId":7},null,"x",[]],"validationTokens":[""]}`,
		`{"value":null}`, `[]`, ``, `{"VALUE":[{"SubscriptionID":"` + supportID + `","ClientState":"` + supportSecret + `"}]}`,
	} {
		f.Add([]byte(body))
	}
	secrets := map[inbox.MailboxID]string{"support@contoso.com": supportSecret, "sales@contoso.com": salesSecret}
	f.Fuzz(func(t *testing.T, body []byte) {
		g, q, s, _ := newGraph()
		before := len(s.byID)
		resp := postGraph(t, g, string(body))
		switch resp.StatusCode {
		case 202, 400, 413:
		default:
			t.Fatalf("status %d", resp.StatusCode)
		}
		if answer, _ := io.ReadAll(resp.Body); resp.StatusCode == 202 && len(answer) != 0 || len(answer) > 40 {
			t.Fatalf("answered %q", answer)
		}
		told := map[inbox.MailboxID]bool{}
		for _, h := range q.hints {
			if told[h.Mailbox] {
				t.Fatalf("two hints for %s", h.Mailbox)
			}
			told[h.Mailbox] = true
			// JSON may write the secret with escapes, so those are no proof of the contrary.
			if secret, ok := secrets[h.Mailbox]; !ok || !strings.Contains(string(body), secret) && !strings.Contains(string(body), `\u`) {
				t.Fatalf("a hint for %s without its secret", h.Mailbox)
			}
		}
		if len(s.byID) < before && len(q.hints) == 0 {
			t.Fatal("a watch was dropped without a hint for its mailbox")
		}
		if resp.StatusCode != 202 && len(q.hints)+before-len(s.byID) != 0 {
			t.Fatal("a refused body had an effect")
		}
	})
}

// FuzzValidation asks for handshakes. What comes back is the token decoded once, or nothing of it, and never markup.
func FuzzValidation(f *testing.F) {
	for _, query := range []string{
		"validationToken=Validation%3a+Testing%20client", "validationToken=%3Cscript%3E", "validationToken=<b>", "validationToken=%253Cb",
		"a=b&validationToken=x", "validationToken=%", "validationToken=a;b", "validationToken=a&validationToken=b", "%76alidationToken=x", "",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		g, q, _, _ := newGraph()
		r := httptest.NewRequest(http.MethodPost, "/hooks/graph", nil)
		r.URL.RawQuery = query
		resp := serve(t, g, r)
		body, _ := io.ReadAll(resp.Body)
		if strings.ContainsRune(string(body), '<') {
			t.Fatalf("markup came back: %q", body)
		}
		if len(q.hints) != 0 {
			t.Fatalf("enqueued %v", q.hints)
		}
		values, err := url.ParseQuery(query)
		switch token := values.Get("validationToken"); resp.StatusCode {
		case 200:
			if err != nil || string(body) != token || token == "" {
				t.Fatalf("%q came back for %q (%v)", body, token, err)
			}
			if resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Fatalf("headers %v", resp.Header)
			}
		case 400:
			if string(body) != "Bad Request\n" {
				t.Fatalf("a refusal says %q", body)
			}
		default:
			t.Fatalf("status %d", resp.StatusCode)
		}
	})
}

// FuzzGmail pushes anything, with a token that is good or with anything for a token. Without a good token nothing is
// enqueued and the answer is 401; with one, only our own mailbox is, and all that cannot be used is acknowledged unless it
// is another subscription's.
func FuzzGmail(f *testing.F) {
	good := "Bearer " + sign(f, google(), pushClaims())
	for _, body := range []string{
		pushBody(std(helpData)), pushBody(std(`{"emailAddress":"HELP@fabrikam.com","historyId":"5"}`)), pushBody(std(`{"emailAddress":""}`)),
		pushBody("-_-_"), pushBody("====") + "x", `{"message":null}`, `null`, ``, `{"subscription":"` + subscription + `","message":{"data":7}}`,
	} {
		f.Add(true, "", []byte(body))
		f.Add(false, good[:len(good)-1], []byte(body))
	}
	f.Add(false, "Bearer "+sign(f, stranger(), pushClaims()), []byte(pushBody(std(helpData))))
	f.Add(false, "Bearer "+signHMAC(f, publicPEM(f, google()), pushClaims()), []byte(pushBody(std(helpData))))
	f.Add(false, "Bearer a.b.c", []byte(pushBody(std(helpData))))
	f.Fuzz(func(t *testing.T, trusted bool, authorization string, body []byte) {
		g, q, log := newGmail()
		if trusted {
			authorization = good
		}
		r := httptest.NewRequest(http.MethodPost, "/hooks/gmail", strings.NewReader(string(body)))
		r.Header["Authorization"] = []string{authorization}
		resp := serve(t, g, r)
		if len(authorization) > 100 && strings.Contains(log.String(), authorization) {
			t.Fatalf("the log holds the header: %s", log)
		}
		if !trusted && resp.StatusCode == 401 && len(q.hints) == 0 {
			return
		}
		// A header that differs from the good one in the case of its scheme, or in bits of the last base64 digit that
		// stand for nothing, is the good token still.
		if !trusted && !sameToken(authorization, good) {
			t.Fatalf("status %d, hints %v without a token", resp.StatusCode, q.hints)
		}
		if resp.StatusCode != 204 && resp.StatusCode != 403 {
			t.Fatalf("status %d", resp.StatusCode)
		}
		for _, h := range q.hints {
			if h.Mailbox != "help@fabrikam.com" || resp.StatusCode != 204 {
				t.Fatalf("status %d, hint %+v", resp.StatusCode, h)
			}
		}
		if n := int64(len(q.hints)); n > 1 || n != g.Counts().Accepted {
			t.Fatalf("%d hints, counts %+v", n, g.Counts())
		}
	})
}

func sameToken(a, b string) bool {
	return len(a) == len(b) && strings.EqualFold(a[:7], b[:7]) && a[7:len(a)-1] == b[7:len(b)-1]
}
