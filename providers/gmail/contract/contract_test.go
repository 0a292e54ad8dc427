package contract_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/postroom/postroom/providers/gmail/contract"
)

func load(t *testing.T) *contract.Contract {
	t.Helper()
	path, err := contract.Discovery(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := contract.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// exchange sends one request to a server that answers with status and answer, and returns the violations.
func exchange(c *contract.Contract, verb, target, body string, status int, answer string) []string {
	var got []string
	h := c.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}), func(v string) { got = append(got, v) })
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(verb, target, strings.NewReader(body)))
	return got
}

func TestWrap(t *testing.T) {
	t.Parallel()
	c := load(t)
	const users = "/gmail/v1/users/me/"
	for _, tt := range []struct {
		name, verb, target, body string
		status                   int
		answer                   string
		want                     string // part of the one violation; "" is none
	}{
		{"clean get", "GET", users + "messages/1?format=metadata&metadataHeaders=From&metadataHeaders=To&alt=json&prettyPrint=false", "", 200, `{"id":"1","labelIds":["INBOX"],"historyId":"12","internalDate":"-5","sizeEstimate":3,"payload":{"body":{"size":0,"data":"aGk="}}}`, ""},
		{"clean modify", "POST", users + "messages/1/modify", `{"addLabelIds":["A"]}`, 200, `{"id":"1"}`, ""},
		{"clean empty", "POST", users + "messages/batchModify", `{"ids":["1"],"addLabelIds":["A"]}`, 204, "", ""},
		{"clean error", "GET", users + "messages/1", "", 404, `{"error":{"code":404,"message":"m","status":"NOT_FOUND","errors":[{"reason":"notFound"}]}}`, ""},
		{"clean upload", "POST", "/upload" + users + "messages/send?uploadType=media", "Subject: s\r\n\r\n", 200, `{"id":"1"}`, ""},

		{"unknown path", "GET", users + "mesages", "", 200, `{}`, "no such method"},
		{"wrong verb", "PUT", users + "messages/1", "", 200, `{}`, "no such method"},
		{"unknown parameter", "GET", users + "messages?maxresults=1", "", 200, `{}`, `request: unknown parameter "maxresults"`},
		{"path parameter in query", "GET", users + "messages?userId=me", "", 200, `{}`, `request: unknown parameter "userId"`},
		{"parameter type", "GET", users + "messages?maxResults=many", "", 200, `{}`, "request: parameter maxResults"},
		{"parameter twice", "GET", users + "messages?q=a&q=b", "", 200, `{}`, "given 2 times"},
		{"parameter boolean", "GET", users + "messages?includeSpamTrash=1", "", 200, `{}`, "no boolean"},
		{"parameter enum", "GET", users + "messages/1?format=everything", "", 200, `{}`, `request: parameter format: unknown value "everything"`},
		{"parameter uint64", "GET", users + "history?startHistoryId=-1", "", 200, `{}`, "no uint64"},
		{"request misspelt", "POST", users + "messages/1/modify", `{"addLabelIDs":["A"]}`, 200, `{}`, `request: body: unknown property "addLabelIDs"`},
		{"request type", "POST", users + "messages/1/modify", `{"addLabelIds":"A"}`, 200, `{}`, "request: body.addLabelIds: the string"},
		{"request item type", "POST", users + "messages/1/modify", `{"addLabelIds":[1]}`, 200, `{}`, "request: body.addLabelIds[0]: the number 1"},
		{"request enum", "POST", users + "labels", `{"name":"x","labelListVisibility":"shown"}`, 200, `{}`, `request: body.labelListVisibility: unknown value "shown"`},
		{"request nested", "POST", users + "labels", `{"color":{"textcolor":"x"}}`, 200, `{}`, `request: body.color: unknown property`},
		{"request base64", "POST", users + "messages/send", `{"raw":"a+b/"}`, 200, `{}`, "request: body.raw"},
		{"request body where none is due", "POST", users + "stop", `{}`, 204, "", "request: a body"},
		{"request rubbish", "POST", users + "labels", `{"name"`, 200, `{}`, "request: body"},
		{"response misspelt", "GET", users + "messages/1", "", 200, `{"threadid":"1"}`, `response: body: unknown property "threadid"`},
		{"response number for string", "GET", users + "profile", "", 200, `{"historyId":12}`, "response: body.historyId: the number 12"},
		{"response string for number", "GET", users + "profile", "", 200, `{"messagesTotal":"12"}`, "response: body.messagesTotal: the string"},
		{"response format", "GET", users + "profile", "", 200, `{"historyId":"0x1"}`, "no uint64"},
		{"response enum", "GET", users + "labels/1", "", 200, `{"type":"own"}`, `response: body.type: unknown value "own"`},
		{"response null", "GET", users + "labels", "", 200, `{"labels":null}`, "null"},
		{"response object for list", "GET", users + "labels", "", 200, `{"labels":{}}`, "an object where array"},
		{"response missing", "GET", users + "labels", "", 204, "", "no body"},
		{"response body where none is due", "POST", users + "stop", "", 200, `{}`, "response: a body"},
		{"response two values", "GET", users + "labels", "", 200, `{}{}`, "more than one"},
		{"response bare error", "GET", users + "labels", "", 429, `{"error":{"code":403}}`, "incomplete"},
	} {
		got := exchange(c, tt.verb, tt.target, tt.body, tt.status, tt.answer)
		if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestLoadFails(t *testing.T) {
	t.Parallel()
	if _, err := contract.Load("no-such-file.json"); err == nil {
		t.Error("a missing file loads")
	}
	if _, err := contract.Load("contract_test.go"); err == nil {
		t.Error("a Go file loads")
	}
}

// The documents of other APIs bind as well: those below a path of their own, with errors in the older form, and with
// values of any kind.
func TestOtherAPIs(t *testing.T) {
	t.Parallel()
	of := func(api string) *contract.Contract {
		path, err := contract.DiscoveryOf(t.Context(), api)
		if err != nil {
			t.Fatal(err)
		}
		c, err := contract.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		c.OldErrors = true
		return c
	}
	settings, directory := of("groupssettings/v1/groupssettings-api.json"), of("admin/directory/v1/admin-api.json")
	const group, user = "/groups/v1/groups/help@contoso.com", "/admin/directory/v1/users/support@contoso.com"
	for _, tt := range []struct {
		name, verb, target, body string
		c                        *contract.Contract
		status                   int
		answer                   string
		want                     string
	}{
		{"text", "PATCH", group, `{"isArchived":"true"}`, settings, 200, `{"isArchived":"true"}`, ""},
		{"boolean", "PATCH", group, `{"isArchived":true}`, settings, 200, `{}`, "request: body.isArchived: a boolean"},
		{"without its path", "GET", "/help@contoso.com", "", settings, 200, `{}`, "no such method"},
		{"anything", "PATCH", user, `{"externalIds":[{"type":"custom","value":"x"}]}`, directory, 200, `{"externalIds":[]}`, ""},
		{"old error", "GET", user, "", directory, 404, `{"error":{"code":404,"message":"m","errors":[{"reason":"notFound"}]}}`, ""},
		{"no error", "GET", user, "", directory, 404, `{"error":{"code":404}}`, "incomplete"},
	} {
		got := exchange(tt.c, tt.verb, tt.target, tt.body, tt.status, tt.answer)
		if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
