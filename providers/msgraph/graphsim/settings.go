package graphsim

import (
	"net/http"
	"slices"
	"strings"
)

func defaultSettings(purpose string) map[string]any {
	never := func() map[string]any {
		return map[string]any{"dateTime": "2026-01-01T00:00:00.0000000", "timeZone": "UTC"}
	}
	return map[string]any{
		"timeZone": "UTC", "dateFormat": "yyyy-MM-dd", "timeFormat": "HH:mm",
		"delegateMeetingMessageDeliveryOptions": "sendToDelegateOnly",
		"userPurpose":                           purpose,
		"language":                              map[string]any{"locale": "en-US", "displayName": "English (United States)"},
		"workingHours": map[string]any{
			"daysOfWeek": []any{"monday", "tuesday", "wednesday", "thursday", "friday"},
			"startTime":  "08:00:00.0000000", "endTime": "17:00:00.0000000",
			"timeZone": map[string]any{"name": "UTC"},
		},
		"automaticRepliesSetting": map[string]any{
			"status": "disabled", "externalAudience": "none", "internalReplyMessage": "", "externalReplyMessage": "",
			"scheduledStartDateTime": never(), "scheduledEndDateTime": never(),
		},
	}
}

var settingsReadOnly = []string{"archiveFolder", "userPurpose"}

// settingsWords are the properties with a fixed set of values.
var settingsWords = map[string][]string{
	"status":                                {"disabled", "alwaysEnabled", "scheduled"},
	"externalAudience":                      {"none", "contactsOnly", "all"},
	"delegateMeetingMessageDeliveryOptions": {"sendToDelegateAndInformationToPrincipal", "sendToDelegateAndPrincipal", "sendToDelegateOnly"},
}

// handleSettings routes users/{u}/mailboxSettings and one property of it.
func (mb *mailbox) handleSettings(r *request) response {
	s := mb.sim
	context := r.origin + "/$metadata#users('" + mb.id + "')/mailboxSettings"
	if len(r.segments) > 3 && r.segments[3] != "" {
		v, known := mb.settings[r.segments[3]]
		if !known || r.method != http.MethodGet {
			return s.noRoute()
		}
		if object, isObject := v.(map[string]any); isObject {
			out := map[string]any{"@odata.context": context + "/" + r.segments[3]}
			for k, x := range object {
				out[k] = x
			}
			return ok(mustJSON(out))
		}
		return ok(mustJSON(map[string]any{"@odata.context": context + "/" + r.segments[3], "value": v}))
	}
	switch r.method {
	case http.MethodGet:
	case http.MethodPatch:
		var body map[string]any
		if err := r.decode(&body); err != nil {
			return s.badRequest(err.Error())
		}
		if bad := checkSettings(mb.settings, body); bad != "" {
			return s.invalidMember(bad)
		}
		merge(mb.settings, body)
	default:
		return s.wrongMethod()
	}
	out := map[string]any{"@odata.context": context}
	for k, v := range mb.settings {
		out[k] = v
	}
	if sel := r.option("select"); sel != "" {
		out = map[string]any{"@odata.context": context}
		for name := range strings.SplitSeq(sel, ",") {
			name = strings.TrimSpace(name)
			v, known := mb.settings[name]
			if !known {
				return s.badRequest("Could not find a property named '" + name + "' on type 'microsoft.graph.mailboxSettings'.")
			}
			out[name] = v
		}
	}
	return ok(mustJSON(out))
}

// checkSettings returns the first member that cannot be set, or "".
func checkSettings(old, change map[string]any) string {
	for k, v := range change {
		if strings.Contains(k, "@odata.") {
			continue
		}
		had, known := old[k]
		if !known || slices.Contains(settingsReadOnly, k) {
			return k
		}
		if words := settingsWords[k]; words != nil {
			if text, isText := v.(string); !isText || !slices.Contains(words, text) {
				return k
			}
			continue
		}
		switch had := had.(type) {
		case string:
			if _, same := v.(string); !same {
				return k
			}
		case map[string]any:
			inner, same := v.(map[string]any)
			if !same {
				return k
			}
			if bad := checkSettings(had, inner); bad != "" {
				return bad
			}
		}
	}
	return ""
}

func merge(into, change map[string]any) {
	for k, v := range change {
		if strings.Contains(k, "@odata.") {
			continue
		}
		old, isObject := into[k].(map[string]any)
		inner, both := v.(map[string]any)
		if isObject && both {
			merge(old, inner)
			continue
		}
		into[k] = v
	}
}
