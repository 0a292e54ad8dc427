package workspacesim

import (
	"encoding/json"
	"slices"
	"strings"
)

// newSettings are those of a new group: what the Groups service begins with, as far as it is simulated. The keys are
// those that can be set.
func newSettings() map[string]string {
	return map[string]string{
		"allowExternalMembers": "false", "allowWebPosting": "true", "archiveOnly": "false", "customFooterText": "",
		"customReplyTo": "", "default_sender": "DEFAULT_SELF", "defaultMessageDenyNotificationText": "", "description": "",
		"enableCollaborativeInbox": "false", "favoriteRepliesOnTop": "true", "includeCustomFooter": "false",
		"includeInGlobalAddressList": "true", "isArchived": "false", "membersCanPostAsTheGroup": "false",
		"messageModerationLevel": "MODERATE_NONE", "primaryLanguage": "en", "replyTo": "REPLY_TO_IGNORE",
		"sendMessageDenyNotification": "false", "showInGroupDirectory": "false", "spamModerationLevel": "MODERATE",
		"whoCanAssistContent": "NONE", "whoCanContactOwner": "ANYONE_CAN_CONTACT", "whoCanDiscoverGroup": "ALL_MEMBERS_CAN_DISCOVER",
		"whoCanJoin": "CAN_REQUEST_TO_JOIN", "whoCanLeaveGroup": "ALL_MEMBERS_CAN_LEAVE", "whoCanModerateContent": "OWNERS_AND_MANAGERS",
		"whoCanModerateMembers": "OWNERS_AND_MANAGERS", "whoCanPostMessage": "ALL_IN_DOMAIN_CAN_POST",
		"whoCanViewGroup": "ALL_MEMBERS_CAN_VIEW", "whoCanViewMembership": "ALL_MEMBERS_CAN_VIEW",
	}
}

// values are those that some keys are limited to. A key that begins with true or false knows only these two.
var values = map[string][]string{
	"whoCanPostMessage": {
		"NONE_CAN_POST", "ALL_MANAGERS_CAN_POST", "ALL_MEMBERS_CAN_POST", "ALL_OWNERS_CAN_POST", "ALL_IN_DOMAIN_CAN_POST", "ANYONE_CAN_POST",
	},
	"messageModerationLevel": {"MODERATE_ALL_MESSAGES", "MODERATE_NON_MEMBERS", "MODERATE_NEW_MEMBERS", "MODERATE_NONE"},
	"spamModerationLevel":    {"ALLOW", "MODERATE", "SILENTLY_MODERATE", "REJECT"},
	"whoCanViewGroup":        {"ANYONE_CAN_VIEW", "ALL_IN_DOMAIN_CAN_VIEW", "ALL_MEMBERS_CAN_VIEW", "ALL_MANAGERS_CAN_VIEW", "ALL_OWNERS_CAN_VIEW"},
	"whoCanViewMembership":   {"ALL_IN_DOMAIN_CAN_VIEW", "ALL_MEMBERS_CAN_VIEW", "ALL_MANAGERS_CAN_VIEW", "ALL_OWNERS_CAN_VIEW"},
	"whoCanJoin":             {"ANYONE_CAN_JOIN", "ALL_IN_DOMAIN_CAN_JOIN", "INVITED_CAN_JOIN", "CAN_REQUEST_TO_JOIN"},
	"whoCanDiscoverGroup":    {"ANYONE_CAN_DISCOVER", "ALL_IN_DOMAIN_CAN_DISCOVER", "ALL_MEMBERS_CAN_DISCOVER"},
	"whoCanAssistContent":    {"ALL_MEMBERS", "OWNERS_AND_MANAGERS", "MANAGERS_ONLY", "OWNERS_ONLY", "NONE"},
	"replyTo": {
		"REPLY_TO_CUSTOM", "REPLY_TO_SENDER", "REPLY_TO_LIST", "REPLY_TO_OWNER", "REPLY_TO_IGNORE", "REPLY_TO_MANAGERS",
	},
	"default_sender": {"DEFAULT_SELF", "GROUP"},
}

func (g *group) wireSettings() map[string]string {
	out := map[string]string{"kind": "groupsSettings#groups", "email": g.address, "name": g.name}
	for key, value := range g.settings {
		if value != "" {
			out[key] = value
		}
	}
	if g.description != "" {
		out["description"] = g.description
	}
	return out
}

func (c *call) getSettings() (any, error) {
	g, err := c.groupOf("groupUniqueId", true)
	if err != nil {
		return nil, err
	}
	return g.wireSettings(), nil
}

// patchSettings takes texts alone: a JSON boolean is refused.
func (c *call) patchSettings() (any, error) {
	g, err := c.groupOf("groupUniqueId", true)
	if err != nil {
		return nil, err
	}
	var in map[string]json.RawMessage
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	change := map[string]string{}
	for key, raw := range in {
		var value string
		before, ok := g.settings[key]
		if !ok {
			return nil, bad("Invalid JSON payload received. Unknown name " + key)
		}
		if err := json.Unmarshal(raw, &value); err != nil {
			return nil, bad("Invalid value at '" + key + "' (TYPE_STRING)")
		}
		allowed := values[key]
		if before == "true" || before == "false" {
			allowed = []string{"true", "false"}
		}
		if allowed != nil && !slices.Contains(allowed, value) {
			return nil, bad("Invalid Value: " + key)
		}
		change[key] = value
	}
	archive, asked := change["archiveOnly"]
	switch {
	case change["whoCanPostMessage"] == "NONE_CAN_POST" && !strings.EqualFold(archive, "true") && g.settings["archiveOnly"] != "true":
		return nil, bad("Invalid Value: whoCanPostMessage")
	case asked && archive == "true":
		change["whoCanPostMessage"] = "NONE_CAN_POST"
	case asked && g.settings["archiveOnly"] == "true":
		change["whoCanPostMessage"] = "ALL_MANAGERS_CAN_POST"
	}
	for key, value := range change {
		g.settings[key] = value
	}
	if d, ok := change["description"]; ok {
		g.description = d
	}
	return g.wireSettings(), nil
}
