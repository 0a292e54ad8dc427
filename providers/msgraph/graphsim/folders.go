package graphsim

import (
	"net/http"
	"strconv"
	"strings"
)

type wireFolder struct {
	Context          string `json:"@odata.context,omitempty"`
	ID               string `json:"id"`
	DisplayName      string `json:"displayName"`
	ParentFolderID   string `json:"parentFolderId"`
	ChildFolderCount int    `json:"childFolderCount"`
	UnreadItemCount  int    `json:"unreadItemCount"`
	TotalItemCount   int    `json:"totalItemCount"`
	IsHidden         bool   `json:"isHidden"`
}

func (mb *mailbox) wire(f *folder) wireFolder {
	children := 0
	for _, c := range mb.order {
		if c.parent == f.id {
			children++
		}
	}
	return wireFolder{
		ID: f.id, DisplayName: f.name, ParentFolderID: f.parent, ChildFolderCount: children,
		UnreadItemCount: f.unread, TotalItemCount: len(f.messages),
	}
}

// handleFolders routes users/{u}/mailFolders.
func (mb *mailbox) handleFolders(r *request) response {
	s := mb.sim
	switch r.segment(3) {
	case "":
		return mb.handleChildren(r, mb.known["msgfolderroot"])
	case "delta":
		return s.notSimulated("the delta of folders")
	}
	f := mb.folder(r.segments[3])
	if f == nil {
		return s.notFound()
	}
	switch r.segment(4) {
	case "":
		if r.method != http.MethodGet {
			return s.notSimulated("changes to a folder")
		}
		w := mb.wire(f)
		w.Context = r.origin + "/$metadata#users('" + mb.id + "')/mailFolders/$entity"
		return ok(mustJSON(w))
	case "messages":
		return mb.handleMessages(r, f, 5)
	case "childfolders":
		return mb.handleChildren(r, f)
	}
	return s.noRoute()
}

// handleChildren routes the collection of folders in parent.
func (mb *mailbox) handleChildren(r *request, parent *folder) response {
	switch r.method {
	case http.MethodGet:
		return mb.listFolders(r, parent)
	case http.MethodPost:
		return mb.createFolder(r, parent)
	}
	return mb.sim.wrongMethod()
}

func (mb *mailbox) listFolders(r *request, parent *folder) response {
	s := mb.sim
	page, err := pageSize(r.option("top"), defaultPage, maxPage)
	if err != nil {
		return s.badRequest(err.Error())
	}
	skip := 0
	if t := r.option("skip"); t != "" {
		if skip, err = strconv.Atoi(t); err != nil || skip < 0 {
			return s.badRequest("Invalid $skip.")
		}
	}
	name := ""
	if text := r.option("filter"); text != "" {
		p := &filterParser{rest: text}
		if !strings.EqualFold(p.take(), "displayName") || !strings.EqualFold(p.take(), "eq") {
			return s.notSimulated("$filter=" + text + " on folders")
		}
		name = strings.TrimPrefix(p.take(), "'")
	}
	out := struct {
		Context string       `json:"@odata.context"`
		Value   []wireFolder `json:"value"`
		Next    string       `json:"@odata.nextLink,omitempty"`
	}{Context: r.origin + "/$metadata#users('" + mb.id + "')/mailFolders", Value: []wireFolder{}}
	n := 0
	for _, f := range mb.order {
		if f.parent != parent.id || name != "" && !strings.EqualFold(f.name, name) {
			continue
		}
		n++
		if n > skip && len(out.Value) < page {
			out.Value = append(out.Value, mb.wire(f))
		}
	}
	if skip+len(out.Value) < n {
		q := r.query
		q.Set("$skip", strconv.Itoa(skip+len(out.Value)))
		out.Next = r.origin + r.path + "?" + q.Encode()
	}
	return ok(mustJSON(out))
}

func (mb *mailbox) createFolder(r *request, parent *folder) response {
	s := mb.sim
	var body struct {
		DisplayName string `json:"displayName"`
	}
	if err := r.decode(&body); err != nil {
		return s.badRequest(err.Error())
	}
	if body.DisplayName == "" {
		return s.badRequest("displayName is required.")
	}
	for _, f := range mb.order {
		if f.parent == parent.id && strings.EqualFold(f.name, body.DisplayName) {
			return s.fail(http.StatusConflict, "ErrorFolderExists", "A folder with the specified name already exists.")
		}
	}
	f := mb.addFolder(body.DisplayName, "", parent.id)
	w := mb.wire(f)
	w.Context = r.origin + "/$metadata#users('" + mb.id + "')/mailFolders/$entity"
	return created(mustJSON(w))
}
