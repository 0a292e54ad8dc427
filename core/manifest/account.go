package manifest

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// account wishes what only an account of Google Workspace has.
func (r *reader) account(out *Mailbox, m mailbox, at path, set func(provision.Aspect, string)) {
	set(provision.Existence, "account")
	fresh := func(aspect provision.Aspect, value string) {
		if value != "" {
			out.wish.AtCreation[provision.Fact{Aspect: aspect}] = value
		}
	}
	set(provision.OrgUnit, r.orgUnit(m.OrgUnit, at.key("org-unit")))
	fresh(provision.OrgUnit, r.out.google.OrgUnit)
	set(provision.Licence, r.licence(m.Licence, at.key("licence")))
	fresh(provision.Licence, r.out.google.Licence)
	if p := at.key("signature"); strings.TrimSpace(m.Signature) == "" {
		r.addEmpty(p)
	} else if utf8.RuneCountInString(m.Signature) > maxSignature {
		r.add(r.name(p), "the signature is too long", fmt.Sprintf("Gmail takes at most %d characters", maxSignature))
	} else {
		set(provision.Signature, strings.TrimSpace(m.Signature))
	}
	if p := at.key("answer-as"); m.AnswerAs == "member" {
		r.add(r.at(p), "a delegate in Gmail always answers as the account", "take the key out")
	}
	r.front(out, m, at.key("front"))
	if m.DelegateGroup == "" {
		r.addEmpty(at.key("delegate-group"))
		return
	}
	group := string(addressOf(m.DelegateGroup))
	out.wish.Facts[provision.Fact{Aspect: provision.Open, Subject: group}] = ""
	r.group(out, group, "", out.Name+" team")
	groupSettings(out.wish.Facts, teamSettings)
}

// group wishes a group; with an empty name any will do, and a new one gets usual.
func (r *reader) group(out *Mailbox, address, name, usual string) {
	f := provision.Fact{Aspect: provision.Group, Subject: address}
	out.wish.Facts[f] = name
	if runes := []rune(usual); len(runes) > maxGroupName {
		usual = string(runes[:maxGroupName])
	}
	out.wish.AtCreation[f] = usual
}

const maxGroupName = 73 // characters ("groups" of the Directory API)

// front wishes the group in front of an account: customers' mail comes in through it, and answers bear its address.
func (r *reader) front(out *Mailbox, m mailbox, at path) {
	if m.Front.Group == "" {
		r.addEmpty(at.key("group"))
		return
	}
	if m.Front.Name == "" {
		r.addEmpty(at.key("name"))
	} else {
		r.shownName(m.Front.Name, at.key("name"))
		if utf8.RuneCountInString(m.Front.Name) > maxGroupName {
			r.add(r.at(at.key("name")), "this is too long for the name of a group", fmt.Sprintf("write at most %d characters", maxGroupName))
		}
	}
	out.Front = addressOf(m.Front.Group)
	out.Policy.Addresses = append(out.Policy.Addresses, out.Front)
	r.group(out, string(out.Front), m.Front.Name, out.Name)
	facts := out.wish.Facts
	facts[provision.Fact{Aspect: provision.GroupMember, Subject: provision.GroupMembership(out.Front, inbox.Address(out.wish.Address))}] = "MEMBER"
	facts[provision.Fact{Aspect: provision.Sender, Subject: string(out.Front)}] = "default"
	groupSettings(facts, frontSettings)
	// Of what other groups keep people may have thought; without it a Collaborative Inbox has nothing in it.
	out.wish.AtCreation[provision.Fact{Aspect: provision.GroupSetting, Subject: "isArchived"}] = "true"
}

func groupSettings(facts map[provision.Fact]string, settings map[string]string) {
	for key, value := range settings {
		facts[provision.Fact{Aspect: provision.GroupSetting, Subject: key}] = value
	}
}

// frontSettings make a group take strangers' mail at once, all of it: what looks like spam would else wait for a moderator,
// while the account behind has a folder for it. What is in the group nobody sees but its members, and nobody becomes one on
// their own ("Groups Settings API: groups").
var frontSettings = map[string]string{
	"archiveOnly":              "false",
	"enableCollaborativeInbox": "true",
	"messageModerationLevel":   "MODERATE_NONE",
	"spamModerationLevel":      "ALLOW",
	"whoCanJoin":               invited,
	"whoCanPostMessage":        "ANYONE_CAN_POST",
	"whoCanViewGroup":          "ALL_MEMBERS_CAN_VIEW",
}

// teamSettings keep everybody out of a group of delegates whom the manifest does not put there.
var teamSettings = map[string]string{"whoCanJoin": invited}

const invited = "INVITED_CAN_JOIN"
