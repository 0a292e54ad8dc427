package workspacesim_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/postroom/postroom/providers/workspace/workspacesim"
)

func TestBooleansAreTexts(t *testing.T) {
	d := newDesk(t)
	d.AddGroup("help@contoso.com", "Help")
	at := settings + "help@contoso.com"
	d.say("400 invalid", "PATCH", at, `{"enableCollaborativeInbox":true}`)
	d.say("400 invalid", "PATCH", at, `{"enableCollaborativeInbox":"yes"}`)
	d.say("400 invalid", "PATCH", at, `{"collaborative":"true"}`)
	d.say("400 invalid", "PATCH", at, `{"whoCanPostMessage":"EVERYBODY"}`)
	if got := d.say("200", "PATCH", at, `{"enableCollaborativeInbox":"true"}`); got["enableCollaborativeInbox"] != "true" {
		t.Errorf("got %v", got["enableCollaborativeInbox"])
	}
	// What is refused in one key changes none.
	d.say("400 invalid", "PATCH", at, `{"isArchived":"true","x":"y"}`)
	if got := d.say("200", "GET", at, ""); got["isArchived"] != "false" {
		t.Errorf("half of it was done: %v", got["isArchived"])
	}
	d.say("400 invalid", "PATCH", at, `{"whoCanPostMessage":"NONE_CAN_POST"}`)
	if got := d.say("200", "PATCH", at, `{"archiveOnly":"true"}`); got["whoCanPostMessage"] != "NONE_CAN_POST" {
		t.Errorf("archived, and %v", got["whoCanPostMessage"])
	}
	if got := d.say("200", "PATCH", at, `{"archiveOnly":"false"}`); got["whoCanPostMessage"] != "ALL_MANAGERS_CAN_POST" {
		t.Errorf("open again, and %v", got["whoCanPostMessage"])
	}
}

func TestGroupsAndMembers(t *testing.T) {
	d := newDesk(t)
	d.Lag = workspacesim.Lag{Group: 10 * time.Second, Members: 30 * time.Second}
	var told [][]string
	d.OnMembers = func(_ string, members []string) { told = append(told, members) }
	d.AddAccount(workspacesim.Account{Address: "anna@contoso.com", Name: "Anna Berg", Aliases: []string{"berg@contoso.com"}})
	d.say("200", "POST", groups, `{"email":"help@contoso.com","name":"Help"}`)
	d.say("409 duplicate", "POST", groups, `{"email":"help@contoso.com"}`)
	d.say("409 duplicate", "POST", groups, `{"email":"anna@contoso.com"}`)
	d.say("404 notFound", "POST", groups, `{"email":"help@elsewhere.com"}`)
	d.say("400 invalid", "POST", groups, `{"email":"nonsense"}`)
	at := groups + "/help@contoso.com/members"
	d.say("404 notFound", "POST", at, `{"email":"anna@contoso.com"}`)
	d.say("404 notFound", "GET", settings+"help@contoso.com", "")
	d.clock.Advance(10 * time.Second)
	if got := d.say("200", "POST", at, `{"email":"berg@contoso.com","role":"MANAGER","delivery_settings":"NONE"}`); got["email"] != "anna@contoso.com" || got["delivery_settings"] != "NONE" {
		t.Errorf("got %v", got)
	}
	d.say("409 duplicate", "POST", at, `{"email":"anna@contoso.com"}`)
	d.say("404 notFound", "POST", at, `{"email":"nobody@contoso.com"}`)
	d.say("400 invalid", "POST", at, `{"email":"guest@elsewhere.com","role":"KING"}`)
	if got := d.say("200", "GET", at, ""); got["members"] != nil {
		t.Errorf("listed at once: %v", got)
	}
	d.clock.Advance(30 * time.Second)
	listed := d.say("200", "GET", at, "")["members"].([]any)[0].(map[string]any)
	if listed["role"] != "MANAGER" || listed["delivery_settings"] != nil {
		t.Errorf("listed: %v", listed)
	}
	// Patching does not set the delivery, updating does.
	d.say("200", "PATCH", at+"/anna@contoso.com", `{"role":"MEMBER","delivery_settings":"DIGEST"}`)
	if g, _ := d.Group("help@contoso.com"); g.Delivery["anna@contoso.com"] != "NONE" || g.Members["anna@contoso.com"] != "MEMBER" {
		t.Errorf("after a patch: %+v", g)
	}
	d.say("200", "PUT", at+"/berg@contoso.com", `{"delivery_settings":"ALL_MAIL"}`)
	if got := d.say("200", "GET", at+"/anna@contoso.com", ""); got["delivery_settings"] != "ALL_MAIL" {
		t.Errorf("after an update: %v", got)
	}
	// A group in a group, but not in itself.
	d.AddGroup("team@contoso.com", "Team")
	d.say("200", "POST", at, `{"email":"team@contoso.com"}`)
	d.say("400 invalid", "POST", groups+"/team@contoso.com/members", `{"email":"help@contoso.com"}`)
	d.say("400 invalid", "POST", at, `{"email":"help@contoso.com"}`)

	d.say("204", "DELETE", at+"/anna@contoso.com", "")
	d.say("404 notFound", "DELETE", at+"/anna@contoso.com", "")
	if want := [][]string{{"anna@contoso.com"}, {"anna@contoso.com", "team@contoso.com"}, {"team@contoso.com"}}; fmt.Sprint(told) != fmt.Sprint(want) {
		t.Errorf("told %v, want %v", told, want)
	}
	d.say("204", "DELETE", groups+"/help@contoso.com", "")
	d.say("404 notFound", "GET", groups+"/help@contoso.com", "")
}
