package gmailsim

import (
	"net/http"
	"strings"

	"github.com/postroom/postroom/providers/google/googlesim"
)

// method is one method of the API: its path below /users/{userId}, its name in the discovery document, its price
// in quota units (table of May 2026, quota reference), and what it does. A nil answer is an empty 204.
type method struct {
	verb, path, name string
	units            int
	do               func(*call) (any, error)
	segments         []string
}

// methods has literal paths before those with a variable in the same place.
var methods = func() []*method {
	list := []*method{
		{verb: "GET", path: "profile", name: "getProfile", units: 1, do: (*call).getProfile},
		{verb: "POST", path: "watch", name: "watch", units: 100, do: (*call).watchMailbox},
		{verb: "POST", path: "stop", name: "stop", units: 50, do: (*call).stopWatch},
		{verb: "GET", path: "history", name: "history.list", units: 2, do: (*call).listHistory},

		{verb: "GET", path: "messages", name: "messages.list", units: 5, do: (*call).listMessages},
		{verb: "POST", path: "messages", name: "messages.insert", units: 25, do: (*call).insertMessage},
		{verb: "POST", path: "messages/import", name: "messages.import", units: 25, do: (*call).importMessage},
		{verb: "POST", path: "messages/send", name: "messages.send", units: 100, do: (*call).sendMessage},
		{verb: "POST", path: "messages/batchModify", name: "messages.batchModify", units: 50, do: (*call).batchModify},
		{verb: "GET", path: "messages/{id}", name: "messages.get", units: 20, do: (*call).getMessage},
		{verb: "DELETE", path: "messages/{id}", name: "messages.delete", units: 10, do: (*call).deleteMessage},
		{verb: "POST", path: "messages/{id}/modify", name: "messages.modify", units: 5, do: (*call).modifyMessage},
		{verb: "POST", path: "messages/{id}/trash", name: "messages.trash", units: 20, do: (*call).trashMessage},
		{verb: "POST", path: "messages/{id}/untrash", name: "messages.untrash", units: 5, do: (*call).untrashMessage},
		{verb: "GET", path: "messages/{messageId}/attachments/{id}", name: "messages.attachments.get", units: 20, do: (*call).getAttachment},

		{verb: "GET", path: "threads", name: "threads.list", units: 10, do: (*call).listThreads},
		{verb: "GET", path: "threads/{id}", name: "threads.get", units: 40, do: (*call).getThread},
		{verb: "POST", path: "threads/{id}/modify", name: "threads.modify", units: 10, do: (*call).modifyThread},
		{verb: "POST", path: "threads/{id}/trash", name: "threads.trash", units: 20, do: (*call).trashThread},

		{verb: "GET", path: "labels", name: "labels.list", units: 1, do: (*call).listLabels},
		{verb: "POST", path: "labels", name: "labels.create", units: 5, do: (*call).createLabel},
		{verb: "GET", path: "labels/{id}", name: "labels.get", units: 1, do: (*call).getLabel},
		{verb: "PATCH", path: "labels/{id}", name: "labels.patch", units: 5, do: (*call).patchLabel},
		{verb: "DELETE", path: "labels/{id}", name: "labels.delete", units: 5, do: (*call).deleteLabel},

		{verb: "GET", path: "drafts", name: "drafts.list", units: 5, do: (*call).listDrafts},
		{verb: "POST", path: "drafts", name: "drafts.create", units: 10, do: (*call).createDraft},
		{verb: "POST", path: "drafts/send", name: "drafts.send", units: 100, do: (*call).sendDraft},
		{verb: "GET", path: "drafts/{id}", name: "drafts.get", units: 20, do: (*call).getDraft},
		{verb: "PUT", path: "drafts/{id}", name: "drafts.update", units: 15, do: (*call).updateDraft},
		{verb: "DELETE", path: "drafts/{id}", name: "drafts.delete", units: 10, do: (*call).deleteDraft},

		{verb: "GET", path: "settings/sendAs", name: "settings.sendAs.list", units: 1, do: (*call).listSendAs},
		{verb: "GET", path: "settings/sendAs/{sendAsEmail}", name: "settings.sendAs.get", units: 1, do: (*call).getSendAs},
		{verb: "POST", path: "settings/sendAs", name: "settings.sendAs.create", units: 100, do: (*call).createSendAs},
		{verb: "PATCH", path: "settings/sendAs/{sendAsEmail}", name: "settings.sendAs.patch", units: 100, do: (*call).patchSendAs},
		{verb: "GET", path: "settings/delegates", name: "settings.delegates.list", units: 1, do: (*call).listDelegates},
		{verb: "POST", path: "settings/delegates", name: "settings.delegates.create", units: 100, do: (*call).createDelegate},
		{verb: "GET", path: "settings/delegates/{delegateEmail}", name: "settings.delegates.get", units: 1, do: (*call).getDelegate},
		{verb: "DELETE", path: "settings/delegates/{delegateEmail}", name: "settings.delegates.delete", units: 5, do: (*call).deleteDelegate},
		{verb: "GET", path: "settings/vacation", name: "settings.getVacation", units: 1, do: (*call).getVacation},
		{verb: "PUT", path: "settings/vacation", name: "settings.updateVacation", units: 5, do: (*call).updateVacation},
		{verb: "GET", path: "settings/language", name: "settings.getLanguage", units: 1, do: (*call).getLanguage},
		{verb: "PUT", path: "settings/language", name: "settings.updateLanguage", units: 5, do: (*call).updateLanguage},
	}
	for _, m := range list {
		m.segments = strings.Split(m.path, "/")
	}
	return list
}()

// route finds the method of a request and the variables of its path; nil when there is none.
func route(r *http.Request) (*method, map[string]string) {
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/upload")
	path, ok := strings.CutPrefix(path, "/gmail/v1/users/")
	if !ok {
		return nil, nil
	}
	segments, ok := googlesim.Segments(path)
	if !ok {
		return nil, nil
	}
	for _, m := range methods {
		if m.verb != r.Method {
			continue
		}
		if vars, ok := googlesim.Match(m.segments, segments[1:]); ok {
			vars["userId"] = segments[0]
			return m, vars
		}
	}
	return nil, nil
}
