package gmail

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/google"
)

// cursor is what an inbox.Cursor of this package says. History ids are strings as in Google's JSON.
type cursor struct {
	// History: everything up to this history id has been read.
	History uint64 `json:"history,omitempty,string"`
	// Pending: the mailbox is being listed, and its history begins here, before the listing began.
	Pending uint64 `json:"pending,omitempty,string"`
	Page    string `json:"page,omitempty"` // of the listing
	// Since, in seconds of the epoch, limits the listing to what was received then or later. Alone, nothing has been asked.
	Since int64 `json:"since,omitempty"`
	// Newest: the search has been read, and the newest messages are still to be listed.
	Newest bool `json:"newest,omitempty"`
}

func (c cursor) encode() inbox.Cursor {
	b, err := json.Marshal(c)
	if err != nil { // a struct of numbers and a string
		panic(err)
	}
	return inbox.Cursor(b)
}

func decodeCursor(s inbox.Cursor) (c cursor, err error) {
	if s == "" {
		return cursor{}, nil
	}
	if err := json.Unmarshal([]byte(s), &c); err != nil {
		return cursor{}, err
	}
	if c.begins() && c.Since != 0 {
		return c, nil
	}
	if (c.History == 0) == (c.Pending == 0) {
		return cursor{}, fmt.Errorf("it names no position")
	}
	return c, nil
}

// begins reports whether nothing has been asked yet.
func (c cursor) begins() bool { return c.History == 0 && c.Pending == 0 && c.Page == "" }

// Since implements pipeline.Provider. Only the listing is limited: the history that follows tells of all mail.
func (m *Mailbox) Since(t time.Time) inbox.Cursor { return cursor{Since: max(t.Unix(), 1)}.encode() }

const (
	// listPage is how many messages a page of the first listing names. Google gives at most 500.
	listPage = 500
	// newestPage is how many messages are listed after a search. Google does not promise that the search finds what has
	// just come in, and what came in before the history that follows would be lost so.
	newestPage = 50
)

// Changes implements pipeline.Provider. The first listing costs one unit, and five for 500 messages; after that two
// for 500 history records. From the empty cursor the history id is read before the listing begins, so that what
// comes in meanwhile is in the history that follows it; spam and bin are listed too, since mail is moved out of them.
func (m *Mailbox) Changes(ctx context.Context, at inbox.Cursor) (pipeline.Page, error) {
	c, err := decodeCursor(at)
	if err != nil {
		return pipeline.Page{}, fmt.Errorf("gmail: cursor of %s cannot be read (%w): %w", m.user(), err, pipeline.ErrCursorExpired)
	}
	total := 0
	if c.begins() {
		profile, err := m.account.users.GetProfile(m.user()).Context(ctx).Do()
		if err != nil {
			return pipeline.Page{}, m.account.explain("read profile", err)
		}
		c.Pending, c.Newest = max(profile.HistoryId, 1), false
		if c.Since == 0 {
			total = int(profile.MessagesTotal)
		}
	}
	var page pipeline.Page
	if c.Pending != 0 {
		page, err = m.list(ctx, c)
	} else {
		page, err = m.history(ctx, c.History)
	}
	if err == nil {
		page.Total = total
		m.rememberThreads(page.Changes)
	}
	return page, err
}

func (m *Mailbox) list(ctx context.Context, c cursor) (pipeline.Page, error) {
	call := m.account.users.Messages.List(m.user()).IncludeSpamTrash(true).MaxResults(listPage).Context(ctx)
	switch {
	case c.Newest:
		call.MaxResults(newestPage)
	case c.Since != 0:
		call.Q(fmt.Sprint("after:", c.Since)) // of the epoch ("Searching for Messages")
	}
	if c.Page != "" {
		call.PageToken(c.Page)
	}
	answer, err := call.Do()
	if err != nil {
		if c.Page != "" && google.HasCode(err, http.StatusBadRequest, http.StatusNotFound) {
			return pipeline.Page{}, fmt.Errorf("gmail: list messages of %s: the page is gone: %w", m.user(), pipeline.ErrCursorExpired)
		}
		return pipeline.Page{}, m.account.explain("list messages", err)
	}
	page := pipeline.Page{More: true, Afresh: c.Page == "" && !c.Newest}
	for _, msg := range answer.Messages {
		if msg != nil && msg.Id != "" {
			page.Changes = append(page.Changes, inbox.Observation{ID: inbox.MessageID(msg.Id), Thread: inbox.ThreadID(msg.ThreadId)})
		}
	}
	next := cursor{Pending: c.Pending, Page: answer.NextPageToken, Since: c.Since}
	switch {
	case c.Newest, answer.NextPageToken == "" && c.Since == 0:
		next = cursor{History: c.Pending}
	case answer.NextPageToken == "":
		next.Newest = true
	}
	page.Next = next.encode()
	return page, nil
}

func (m *Mailbox) rememberThreads(changes []inbox.Observation) {
	of := make(map[inbox.MessageID]inbox.ThreadID, len(changes))
	for _, o := range changes {
		if !o.Gone && o.Thread != "" {
			of[o.ID] = o.Thread
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.threadOf = of
}
