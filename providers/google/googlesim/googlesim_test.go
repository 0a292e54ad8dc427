package googlesim_test

import (
	"maps"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/postroom/postroom/providers/google/googlesim"
)

func TestFailure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fail *googlesim.Failure
		want string
	}{
		{googlesim.Fail(404, "notFound", "", "Not Found"), `{"error":{"code":404,"message":"Not Found","errors":[{"message":"Not Found","domain":"global","reason":"notFound"}]}}`},
		{googlesim.Fail(429, "rateLimitExceeded", "RESOURCE_EXHAUSTED", "m"), `{"error":{"code":429,"message":"m","errors":[{"message":"m","domain":"usageLimits","reason":"rateLimitExceeded"}],"status":"RESOURCE_EXHAUSTED"}}`},
		{googlesim.Fail(401, "authError", "UNAUTHENTICATED", "m"), `{"error":{"code":401,"message":"m","errors":[{"message":"m","domain":"global","reason":"authError"}],"status":"UNAUTHENTICATED"}}`},
	} {
		w := httptest.NewRecorder()
		c.fail.Write(w)
		if w.Code != c.fail.Code || strings.TrimSpace(w.Body.String()) != c.want || (w.Header().Get("WWW-Authenticate") != "") != (w.Code == 401) {
			t.Errorf("got %d %v %s", w.Code, w.Header(), w.Body)
		}
	}
}

func TestPath(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path string
		want map[string]string // nil: no match
	}{
		{"users/anna%40contoso.com/aliases/a%2Fb", map[string]string{"userKey": "anna@contoso.com", "alias": "a/b"}},
		{"users/1/aliases/2/", nil},
		{"users//aliases/2", nil},
		{"users/1/aliases/%zz", nil},
		{"users/1/aliases", nil},
		{"groups/1/aliases/2", nil},
	} {
		vars, ok := map[string]string(nil), false
		if segments, fine := googlesim.Segments(c.path); fine {
			vars, ok = googlesim.Match([]string{"users", "{userKey}", "aliases", "{alias}"}, segments)
		}
		if ok != (c.want != nil) || !maps.Equal(vars, c.want) {
			t.Errorf("%s: %v, %t", c.path, vars, ok)
		}
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"name":"n"}`: "", `{"nome":"n"}`: `Unknown name "nome": Cannot find field.`, `{"name":1}`: "cannot unmarshal", ``: "EOF", `{"name":"n"}{}`: "after the end",
	} {
		var into struct{ Name string }
		switch message := googlesim.Decode([]byte(body), &into); {
		case (message != "") != (want != "") || !strings.Contains(message, want):
			t.Errorf("%q: %q", body, message)
		case message == "" && into.Name != "n":
			t.Errorf("%q: read %+v", body, into)
		}
	}
}
