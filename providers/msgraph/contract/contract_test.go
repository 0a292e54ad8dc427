package contract_test

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postroom/postroom/providers/msgraph/contract"
)

// load finds the metadata beside the repository.
func load(t *testing.T) *contract.Contract {
	t.Helper()
	path, err := contract.Metadata()
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the Graph metadata is not here: ../shared/contracts/graph-v1.0.json")
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := contract.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWrapReportsBothDirections(t *testing.T) {
	t.Parallel()
	c := load(t)
	const message = "/v1.0/users/a@b.test/messages/id1"
	tests := []struct {
		name           string
		method, target string
		sent           string
		status         int
		got            string
		want           string // part of the one violation; "" for none
	}{
		{"right both ways", "PATCH", message, `{"@odata.type":"#microsoft.graph.message","categories":["x"],"flag":{"flagStatus":"flagged"}}`,
			200, `{"@odata.etag":"W/\"1\"","id":"id1","isRead":true,"receivedDateTime":"2026-05-04T12:00:00Z"}`, ""},
		{"request: misspelt property", "PATCH", message, `{"catgories":["x"]}`, 200, `{"id":"id1"}`, "request: $.catgories: unknown property"},
		{"request: wrong type", "PATCH", message, `{"isRead":"yes"}`, 200, `{"id":"id1"}`, "request: $.isRead: Edm.Boolean wanted"},
		{"request: wrong word", "PATCH", message, `{"flag":{"flagStatus":"waving"}}`, 200, `{"id":"id1"}`, "request: $.flag.flagStatus: waving is no"},
		{"request: one for a list", "PATCH", message, `{"categories":"x"}`, 200, `{"id":"id1"}`, "request: $.categories: Collection"},
		{"answer: misspelt property", "GET", message, "", 200, `{"id":"id1","subjekt":"x"}`, "answer: $.subjekt: unknown property"},
		{"answer: wrong type", "GET", message, "", 200, `{"id":"id1","isRead":1}`, "answer: $.isRead: Edm.Boolean wanted"},
		{"answer: wrong word", "GET", message, "", 200, `{"id":"id1","importance":"urgent"}`, "answer: $.importance: urgent is no"},
		{"answer: no time", "GET", message, "", 200, `{"id":"id1","receivedDateTime":"yesterday"}`, "answer: $.receivedDateTime: Edm.DateTimeOffset wanted"},
		{"answer: no id", "GET", message, "", 200, `{"subject":"x"}`, "answer: $: a microsoft.graph.message without id"},
		{"answer: deep inside", "GET", "/v1.0/users/a/messages", "", 200, `{"value":[{"id":"1","from":{"emailAddress":{"adress":"x"}}}]}`,
			"$.value[0].from.emailAddress.adress: unknown property"},
		{"a list without value", "GET", "/users/a/messages", "", 200, `{}`, "a collection without value"},
		{"a delta", "GET", "/v1.0/users('a')/mailFolders('inbox')/messages/delta()", "", 200,
			`{"value":[{"id":"1","@removed":{"reason":"deleted"}}],"@odata.deltaLink":"x"}`, ""},
		{"a delta with another reason", "GET", "/v1.0/users/a/mailFolders/inbox/messages/delta", "", 200,
			`{"value":[{"id":"1","@removed":{"reason":"moved"}}]}`, "@removed: reason must be"},
		{"an attachment by its own type", "GET", message + "/attachments", "", 200,
			`{"value":[{"@odata.type":"#microsoft.graph.fileAttachment","id":"1","contentBytes":"aGk="}]}`, ""},
		{"a type that is no attachment", "GET", message + "/attachments", "", 200,
			`{"value":[{"@odata.type":"#microsoft.graph.mailFolder","id":"1"}]}`, "is no microsoft.graph.attachment"},
		{"an action's parameters", "POST", message + "/move", `{"destinationId":"x"}`, 201, `{"id":"1"}`, ""},
		{"a misspelt parameter", "POST", message + "/move", `{"destination":"x"}`, 201, `{"id":"1"}`, "unknown parameter of move"},
		{"inside a parameter", "POST", "/v1.0/users/a/sendMail", `{"Message":{"subjct":"x"}}`, 202, "", "request: $.Message.subjct"},
		{"select of a misspelt property", "GET", message + "?$select=subject,isRed", "", 200, `{"id":"1"}`, "$select: unknown property isRed"},
		{"an unknown path", "GET", "/v1.0/users/a/mailfolder", "", 200, `{"value":[]}`, "not in the metadata"},
		{"a refusal without code", "GET", message, "", 404, `{"error":{}}`, "an error without code"},
		{"a refusal", "GET", message, "", 404, `{"error":{"code":"ErrorItemNotFound","message":"gone"}}`, ""},
		{"raw mail", "GET", message + "/$value", "", 200, "From: a", ""},
		{"in a batch, request", "POST", "/v1.0/$batch",
			`{"requests":[{"id":"1","method":"PATCH","url":"/users/a/messages/m","headers":{"content-type":"application/json"},"body":{"isRed":true}}]}`,
			200, `{"responses":[{"id":"1","status":200,"headers":{"Content-Type":"application/json"},"body":{"id":"m"}}]}`, "isRed: unknown property"},
		{"in a batch, answer", "POST", "/v1.0/$batch",
			`{"requests":[{"id":"1","method":"GET","url":"/users/a/messages/m"}]}`,
			200, `{"responses":[{"id":"1","status":200,"headers":{"Content-Type":"application/json"},"body":{"id":"m","isRead":"no"}}]}`, "answer: $.isRead"},
		{"in a batch, no answer", "POST", "/v1.0/$batch", `{"requests":[{"id":"1","method":"GET","url":"/users/a/messages/m"}]}`,
			200, `{"responses":[]}`, "request 1 has no answer"},
		{"a body where none is declared", "DELETE", message, `{"id":"1"}`, 204, "", "no body is declared"},
		{"an answer where none is declared", "POST", message + "/send", "", 202, `{"id":"1"}`, "no answer is declared"},
		{"an answer that is not JSON", "GET", message, "", 200, "hello", "not declared as JSON"},
		{"one property", "GET", "/v1.0/users/a/mailboxSettings/userPurpose", "", 200, `{"value":"shared"}`, ""},
		{"one property with another word", "GET", "/v1.0/users/a/mailboxSettings/userPurpose", "", 200, `{"value":"common"}`, "$.value: common is no"},
		{"reauthorize", "POST", "/v1.0/subscriptions/1/reauthorize", "", 204, "", ""},
		{"a misspelt member of a list", "GET", "/v1.0/subscriptions", "", 200, `{"value":[],"next":"x"}`, "unknown property of a collection"},
		{"expand of a misspelt navigation", "GET", message + "?$expand=attachment($select=id)", "", 200, `{"id":"1"}`, "$expand: unknown property"},
		{"a subscription", "POST", "/v1.0/subscriptions", `{"changeType":"created","notificationURL":"x"}`, 201, `{"id":"1"}`, "notificationURL: unknown property"},
		{"a category's colour", "POST", "/v1.0/users/a/outlook/masterCategories", `{"displayName":"x","color":"red"}`, 201, `{"id":"1"}`, "color: red is no"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			h := c.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if b, err := io.ReadAll(r.Body); err != nil || string(b) != tt.sent {
					t.Errorf("the handler read %q, %v", b, err)
				}
				if tt.got != "" && json.Valid([]byte(tt.got)) {
					w.Header().Set("Content-Type", "application/json; charset=utf-8")
				}
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.got)
			}), func(v string) { got = append(got, v) })
			req := httptest.NewRequest(tt.method, tt.target, strings.NewReader(tt.sent))
			if tt.sent != "" {
				req.Header.Set("Content-Type", "application/json")
			}
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, req)
			if rec.Code != tt.status || rec.Body.String() != tt.got {
				t.Errorf("passed on %d %q", rec.Code, rec.Body)
			}
			if tt.want == "" && len(got) == 0 {
				return
			}
			if len(got) != 1 || tt.want == "" || !strings.Contains(got[0], tt.want) {
				t.Errorf("violations = %q, want one with %q", got, tt.want)
			}
		})
	}
}

func TestPrimitiveTypes(t *testing.T) {
	t.Parallel()
	c := load(t)
	for _, tt := range []struct {
		typ, good, bad string // whole bodies
	}{
		{"mailFolder", `{"id":"1","totalItemCount":3}`, `{"id":"1","totalItemCount":3.5}`},
		{"mailFolder", `{"id":"1","totalItemCount":null}`, `{"id":"1","totalItemCount":"3"}`},
		{"message", `{"id":"1","conversationIndex":"AQ=="}`, `{"id":"1","conversationIndex":"A%"}`},
		{"message", `{"id":"1","from":null}`, `{"id":"1","from":[]}`},
		{"message", `{"id":"1","toRecipients":[]}`, `{"id":"1","toRecipients":null}`},
		{"workingHours", `{"startTime":"08:00:00.0000000"}`, `{"startTime":"8 o'clock"}`},
		{"recurrenceRange", `{"startDate":"2026-05-04"}`, `{"startDate":"2026-05-04T12:00:00Z"}`},
		{"outlookGeoCoordinates", `{"latitude":55.7}`, `{"latitude":"55.7"}`},
		{"changeNotification", `{"tenantId":"11111111-2222-4333-8444-555555555555"}`, `{"tenantId":"1"}`},
		{"mailboxSettings", `{"userPurpose":"shared"}`, `{"userPurpose":"Shared"}`},
		{"user", `{"id":"1","mail":"a@b"}`, `{"id":1}`},
	} {
		if v := c.Check("microsoft.graph."+tt.typ, []byte(tt.good)); len(v) != 0 {
			t.Errorf("%s: %v", tt.good, v)
		}
		if v := c.Check("microsoft.graph."+tt.typ, []byte(tt.bad)); len(v) == 0 {
			t.Errorf("%s passed", tt.bad)
		}
	}
	if v := c.Check("microsoft.graph.message", []byte("{")); len(v) != 1 {
		t.Errorf("rubbish: %v", v)
	}
}

func TestCheckNotification(t *testing.T) {
	t.Parallel()
	c := load(t)
	const typ = "microsoft.graph.changeNotificationCollection"
	good := `{"value":[{"subscriptionId":"11111111-2222-4333-8444-555555555555","changeType":"created","resourceData":{"@odata.type":"#Microsoft.Graph.Message","id":"x","other":1}}]}`
	if v := c.Check(typ, []byte(good)); len(v) != 0 {
		t.Errorf("a good notification: %v", v)
	}
	bad := strings.Replace(strings.Replace(good, "11111111-", "1-", 1), "created", "made", 1)
	if v := c.Check(typ, []byte(bad)); len(v) != 2 {
		t.Errorf("a bad notification: %v", v)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"rubbish": "{", "empty": "{}"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := contract.Load(path); err == nil {
			t.Errorf("%s was loaded", name)
		}
	}
	if _, err := contract.Load(filepath.Join(dir, "missing")); err == nil {
		t.Error("a missing file was loaded")
	}
}
