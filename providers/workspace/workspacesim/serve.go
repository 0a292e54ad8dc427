package workspacesim

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/postroom/postroom/providers/google/googlesim"
)

// maxBody bounds one request's body, in bytes.
const maxBody = 1 << 20

// call is one request, past authentication, with the organisation locked.
type call struct {
	*Sim
	r    *http.Request
	vars map[string]string // of the path
	body []byte
}

// nothing is an answer without a body.
type nothing struct{}

// method is one method of the APIs: its path, its name in the discovery document, the scopes any of which lets it
// through, and what it does.
type method struct {
	verb, path, name string
	scopes           []string
	do               func(*call) (any, error)
	segments         []string
}

const scope = "https://www.googleapis.com/auth/"

var (
	users    = []string{scope + "admin.directory.user"}
	seeUsers = []string{scope + "admin.directory.user", scope + "admin.directory.user.readonly"}
	groups   = []string{scope + "admin.directory.group"}
	licences = []string{scope + "apps.licensing"}
	settings = []string{scope + "apps.groups.settings"}
)

var methods = func() []*method {
	const directory, licensing, of = "admin/directory/v1/", "apps/licensing/v1/product/{productId}/", "licensing.licenseAssignments."
	list := []*method{
		{verb: "GET", path: directory + "users", name: "directory.users.list", scopes: seeUsers, do: (*call).listUsers},
		{verb: "POST", path: directory + "users", name: "directory.users.insert", scopes: users, do: (*call).insertUser},
		{verb: "GET", path: directory + "users/{userKey}", name: "directory.users.get", scopes: seeUsers, do: (*call).getUser},
		{verb: "PATCH", path: directory + "users/{userKey}", name: "directory.users.patch", scopes: users, do: (*call).patchUser},
		{verb: "DELETE", path: directory + "users/{userKey}", name: "directory.users.delete", scopes: users, do: (*call).deleteUser},
		{verb: "POST", path: directory + "users/{userKey}/aliases", name: "directory.users.aliases.insert", scopes: users, do: (*call).insertAlias},
		{verb: "DELETE", path: directory + "users/{userKey}/aliases/{alias}", name: "directory.users.aliases.delete", scopes: users, do: (*call).deleteAlias},

		{verb: "POST", path: directory + "groups", name: "directory.groups.insert", scopes: groups, do: (*call).insertGroup},
		{verb: "GET", path: directory + "groups/{groupKey}", name: "directory.groups.get", scopes: groups, do: (*call).getGroup},
		{verb: "PATCH", path: directory + "groups/{groupKey}", name: "directory.groups.patch", scopes: groups, do: (*call).patchGroup},
		{verb: "DELETE", path: directory + "groups/{groupKey}", name: "directory.groups.delete", scopes: groups, do: (*call).deleteGroup},
		{verb: "GET", path: directory + "groups/{groupKey}/members", name: "directory.members.list", scopes: groups, do: (*call).listMembers},
		{verb: "POST", path: directory + "groups/{groupKey}/members", name: "directory.members.insert", scopes: groups, do: (*call).insertMember},
		{verb: "GET", path: directory + "groups/{groupKey}/members/{memberKey}", name: "directory.members.get", scopes: groups, do: (*call).getMember},
		{verb: "PATCH", path: directory + "groups/{groupKey}/members/{memberKey}", name: "directory.members.patch", scopes: groups, do: (*call).patchMember},
		{verb: "PUT", path: directory + "groups/{groupKey}/members/{memberKey}", name: "directory.members.update", scopes: groups, do: (*call).updateMember},
		{verb: "DELETE", path: directory + "groups/{groupKey}/members/{memberKey}", name: "directory.members.delete", scopes: groups, do: (*call).deleteMember},

		{verb: "GET", path: licensing + "users", name: of + "listForProduct", scopes: licences, do: (*call).listLicences},
		{verb: "POST", path: licensing + "sku/{skuId}/user", name: of + "insert", scopes: licences, do: (*call).insertLicence},
		{verb: "GET", path: licensing + "sku/{skuId}/user/{userId}", name: of + "get", scopes: licences, do: (*call).getLicence},
		{verb: "PATCH", path: licensing + "sku/{skuId}/user/{userId}", name: of + "patch", scopes: licences, do: (*call).patchLicence},
		{verb: "DELETE", path: licensing + "sku/{skuId}/user/{userId}", name: of + "delete", scopes: licences, do: (*call).deleteLicence},

		{verb: "GET", path: "groups/v1/groups/{groupUniqueId}", name: "groupsSettings.groups.get", scopes: settings, do: (*call).getSettings},
		{verb: "PATCH", path: "groups/v1/groups/{groupUniqueId}", name: "groupsSettings.groups.patch", scopes: settings, do: (*call).patchSettings},
	}
	for _, m := range list {
		m.segments = strings.Split(m.path, "/")
	}
	return list
}()

// find gives the method of a request and the variables of its path; nil when there is none.
func find(r *http.Request) (*method, map[string]string) {
	segments, ok := googlesim.Segments(strings.TrimPrefix(r.URL.EscapedPath(), "/"))
	if !ok {
		return nil, nil
	}
	for _, m := range methods {
		if m.verb != r.Method {
			continue
		}
		if vars, ok := googlesim.Match(m.segments, segments); ok {
			return m, vars
		}
	}
	return nil, nil
}

// ServeHTTP answers one request of any of the three APIs. Requests are signed with "Authorization: Bearer sim:" and the
// administrator's address; scopes that a token has may follow it, each after a space, and without any it has all.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := http.HandlerFunc(s.answer)
	if s.Dial == nil {
		answer(w, r)
		return
	}
	s.Dial.Wrap(answer, s.refuse).ServeHTTP(w, r)
}

func (s *Sim) answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		bad("Request is too large.").Write(w)
		return
	}
	result, err := s.do(r, body)
	if err != nil {
		var f *googlesim.Failure
		if !errors.As(err, &f) {
			f = fail(500, "backendError", err.Error())
		}
		f.Write(w)
		return
	}
	if _, none := result.(nothing); none {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_ = json.NewEncoder(w).Encode(result)
}

func (s *Sim) do(r *http.Request, body []byte) (any, error) {
	m, vars := find(r)
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer sim:")
	given := strings.Fields(token)
	s.mu.Lock()
	defer s.unlock()
	switch {
	case !ok || len(given) == 0:
		return nil, noLogin
	case m == nil:
		return nil, noRoute
	}
	s.count[m.name]++
	if strings.HasPrefix(m.name, "licensing.") && !s.atPace() {
		return nil, tooFast
	}
	granted := func(list []string) bool {
		return list == nil || slices.ContainsFunc(m.scopes, func(need string) bool { return slices.Contains(list, need) })
	}
	has := given[1:]
	if len(has) == 0 {
		has = nil
	}
	switch {
	case !granted(has) || !granted(s.Scopes):
		return nil, noScope
	case s.Forbid != nil && s.Forbid(m.name):
		return nil, forbiddenHere
	}
	return m.do(&call{Sim: s, r: r, vars: vars, body: body})
}

// atPace keeps the licensing API to its one request a second.
func (s *Sim) atPace() bool {
	if s.FreeLicensing {
		return true
	}
	now := s.now()
	early := !s.licensed.IsZero() && now.Sub(s.licensed) < time.Second
	s.licensed = now
	if early {
		s.tooFast++
	}
	return !early
}

// decode reads the JSON body strictly, as Google does.
func (c *call) decode(into any) error {
	if wrong := googlesim.Decode(c.body, into); wrong != "" {
		return bad(wrong)
	}
	return nil
}
