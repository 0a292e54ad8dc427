package graphsim_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

func TestMasterCategories(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	target := "/users/" + support + "/outlook/masterCategories"
	if list := tn.want(200, "GET", target, nil, nil).value(); len(list) != 0 {
		t.Errorf("a new mailbox has %v", list)
	}
	c := tn.want(201, "POST", target, map[string]any{"displayName": "@Anna", "color": "preset7"}, nil)
	one := target + "/" + c.body["id"].(string)
	tn.want(201, "POST", target, map[string]any{"displayName": "plain"}, nil)
	tn.want(200, "GET", one, nil, nil)
	tn.want(200, "PATCH", one, map[string]any{"color": "preset24"}, nil)
	if got, err := tn.Categories(support); err != nil || got["@Anna"] != "preset24" || got["plain"] != "none" {
		t.Errorf("categories = %v, %v", got, err)
	}
	for _, tt := range []struct {
		method, target string
		body           map[string]any
		status         int
	}{
		{"POST", target, map[string]any{"displayName": "@anna", "color": "none"}, 409},
		{"POST", target, map[string]any{"displayName": "x", "color": "red"}, 400},
		{"POST", target, map[string]any{"displayName": "x", "color": "preset25"}, 400},
		{"POST", target, map[string]any{"color": "none"}, 400},
		{"PATCH", one, map[string]any{"displayName": "@Anne"}, 400},
		{"PATCH", one, map[string]any{"color": "preset07"}, 400},
		{"PATCH", target + "/none", map[string]any{"color": "none"}, 404},
		{"DELETE", one, nil, 204},
		{"DELETE", one, nil, 404},
	} {
		var body any
		if tt.body != nil {
			body = tt.body
		}
		tn.want(tt.status, tt.method, tt.target, body, nil)
	}
	tn.DuplicateCategoryStatus = 400
	tn.want(400, "POST", target, map[string]any{"displayName": "plain"}, nil)
}

func TestMailboxSettings(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	target := "/users/" + support + "/mailboxSettings"
	a := tn.want(200, "GET", target, nil, nil)
	if a.at("userPurpose") != "shared" || a.at("automaticRepliesSetting/status") != "disabled" {
		t.Errorf("settings = %s", a.raw)
	}
	tn.want(200, "PATCH", target, map[string]any{"automaticRepliesSetting": map[string]any{"status": "alwaysEnabled", "externalReplyMessage": "Away"}}, nil)
	a = tn.want(200, "GET", target+"?$select=automaticRepliesSetting", nil, nil)
	if a.at("automaticRepliesSetting/status") != "alwaysEnabled" || a.at("automaticRepliesSetting/externalReplyMessage") != "Away" ||
		a.at("automaticRepliesSetting/externalAudience") != "none" || a.at("timeZone") != nil {
		t.Errorf("after = %s", a.raw)
	}
	if v := tn.want(200, "GET", target+"/userPurpose", nil, nil); v.body["value"] != "shared" {
		t.Errorf("one property = %s", v.raw)
	}
	tn.want(200, "GET", target+"/automaticRepliesSetting", nil, nil)
	for _, body := range []map[string]any{
		{"userPurpose": "user"}, {"timezone": "UTC"}, {"timeZone": 1},
		{"automaticRepliesSetting": map[string]any{"status": "on"}}, {"automaticRepliesSetting": "on"},
	} {
		tn.want(400, "PATCH", target, body, nil)
	}
	tn.want(404, "GET", target+"/nothing", nil, nil)
}

func TestUser(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	a := tn.want(200, "GET", "/users/"+support+"?$select=id,mail", nil, nil)
	if a.body["mail"] != support || a.body["displayName"] != nil {
		t.Errorf("user = %s", a.raw)
	}
	tn.want(501, "GET", "/users/"+support+"?$select=id,jobTitle", nil, nil)
	tn.want(405, "DELETE", "/users/"+support, nil, nil)
}

func TestAddMailboxTwice(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	for _, address := range []string{"Support@contoso.com", "no address"} {
		if err := tn.AddMailbox(graphsim.Mailbox{Address: address}); err == nil {
			t.Errorf("%s was added", address)
		}
	}
}

// The SDK compresses bodies; a plain body that claims to be gzip is what its
// retries send by mistake, and Graph refuses it.
func TestCompressedBodies(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	id := tn.receive(1, "a@customer.test", "one")
	const plain = `{"isRead":true}`
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte(plain))
	z.Close()
	for body, want := range map[string]int{packed.String(): 200, plain: 400} {
		req, err := http.NewRequest("PATCH", api+messages+"/"+id, strings.NewReader(body))
		tn.do(err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Content-Encoding", "gzip")
		resp, err := tn.http.Do(req)
		tn.do(err)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%d bytes = %d, want %d", len(body), resp.StatusCode, want)
		}
	}
	big, err := tn.try("PATCH", messages+"/"+id, map[string]any{"subject": strings.Repeat("x", 5<<20)}, nil)
	if err != nil || big.status != 413 {
		t.Errorf("5 MB = %d, %v", big.status, err)
	}
}

// Behind a real socket the links name the server they came from.
func TestLinksBehindASocket(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	for i := range 11 {
		tn.receive(i, "a@customer.test", fmt.Sprint("subject ", i))
	}
	srv := httptest.NewServer(tn.Sim)
	t.Cleanup(srv.Close)
	tn.http = srv.Client()
	ids, link := tn.read(srv.URL+"/v1.0"+inboxDelta, immutable)
	if len(ids) != 11 || !strings.HasPrefix(link, srv.URL+"/v1.0/") {
		t.Errorf("%d items, link %s", len(ids), link)
	}
	if ids, link = tn.read(srv.URL+inboxDelta, immutable); len(ids) != 11 || !strings.HasPrefix(link, srv.URL+"/users/") {
		t.Errorf("without version: %d items, link %s", len(ids), link)
	}
}

// Two tenants share nothing, and the same history gives the same ids.
func TestDeterministic(t *testing.T) {
	t.Parallel()
	run := func() string {
		tn := newTenant(t)
		id := tn.receive(1, "a@customer.test", "one")
		tn.do(tn.Move(support, id, "archive"))
		return string(tn.want(200, "GET", "/users/"+support+"/mailFolders/archive/messages/delta", nil, nil).raw)
	}
	if a, b := run(), run(); a != b {
		t.Errorf("two runs differ:\n%s\n%s", a, b)
	}
}
