package msgraph

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// Changes reads one round: the folders that have more to give, or all of them, in one round trip. Removed messages
// take another one, unless the same page shows where they went.
//
// A folder whose delta token has expired is listed anew within the cursor, without an error: all its messages are in
// some later page again. Graph does not say what left the folder meanwhile; for the inbox, the page that begins says so (Afresh).
func (m *Mailbox) Changes(ctx context.Context, at inbox.Cursor) (pipeline.Page, error) {
	for size := m.page; ; size = (size + 3) / 4 {
		c, err := m.decodeCursor(at)
		if err != nil {
			return pipeline.Page{}, err
		}
		page, err := m.changes(ctx, c, size)
		switch {
		case err == nil:
			return page, nil
		case size > 1 && errors.Is(err, errTooLong): // some mails in it are very large
		default:
			return pipeline.Page{}, m.explain("read changes of", err)
		}
	}
}

// explain is [Client.explain] for an operation on this mailbox's messages.
func (m *Mailbox) explain(what string, err error) error {
	return m.client.explain(what+" "+m.address, m.address, mailReadWrite, err)
}

func (m *Mailbox) changes(ctx context.Context, c *cursor, size int) (pipeline.Page, error) {
	due := c.due()
	requests := make([]*abstractions.RequestInformation, len(due))
	for i, f := range due {
		r, err := m.step(ctx, f, size)
		if err != nil {
			return pipeline.Page{}, err
		}
		requests[i] = r
	}
	answers, err := m.round(ctx, requests)
	if err != nil {
		return pipeline.Page{}, err
	}
	seen := sightings{byID: map[string]*sighting{}}
	var failed error
	for i, f := range due {
		if err := m.take(f, &answers[i], &seen); err != nil {
			failed = m.client.graver(failed, err)
		}
	}
	if failed != nil {
		return pipeline.Page{}, failed
	}
	m.remember(c.places())
	page := pipeline.Page{More: c.more(), Afresh: seen.afresh, Total: seen.total}
	if page.Changes, err = m.settle(ctx, &seen, c.Since); err != nil {
		return pipeline.Page{}, err
	}
	page.Next, err = c.encode()
	return page, err
}

// graver is the error to report of two: one that is no throttling before one that is, else the longer wait.
func (c *Client) graver(a, b error) error {
	if b == nil {
		return a
	}
	var x, y *apiError
	if a == nil || errors.As(a, &x) && x.throttled() && (!errors.As(b, &y) || !y.throttled() || c.wait(y.after) > c.wait(x.after)) {
		return b
	}
	return a
}

// Since implements pipeline.Provider with a listing of everything. A delta would take a filter by receivedDateTime, but the
// filter stays in its links for good, and "returns only up to 5,000 messages" ("message: delta") does not say whether ever or
// in the first round: a mailbox might fall silent after its 5,000th new mail. Listing takes one request for 200 messages.
// The time is kept, to tell what is brought in with an older date.
func (m *Mailbox) Since(t time.Time) inbox.Cursor {
	c := cursor{Version: cursorVersion, Since: t.UTC()}
	at, err := c.encode()
	if err != nil { // a struct of a number and a time
		panic(err)
	}
	return at
}

// settled is how much later than a mail has been received it may come to lie in the mailbox by itself.
const settled = time.Hour

// brought reports whether somebody has brought an item into the mailbox since then, from another mailbox say: it keeps the
// date of its receipt and is created anew ("message resource type").
func brought(item *wireItem, since time.Time) bool {
	created, received := moment(item.Created), moment(item.Received)
	return !since.IsZero() && !received.IsZero() && created.After(since) && created.Sub(received) >= settled
}

// step is the next request for a folder: to find it, to begin its list, or to read on by a page of at most size messages.
func (m *Mailbox) step(ctx context.Context, f *folderCursor, size int) (*abstractions.RequestInformation, error) {
	switch {
	case f.ID == "" && placeNamed(f.Name) != inbox.Elsewhere:
		return m.folderByID(ctx, f.Name)
	case f.ID == "":
		return m.folderByName(ctx, f.Parent, strings.Split(f.Name, "/")[f.Depth])
	case f.Link == "":
		return m.client.users(m.address).MailFolders().ByMailFolderId(f.ID).Messages().Delta().ToGetRequestInformation(ctx,
			&users.ItemMailFoldersItemMessagesDeltaRequestBuilderGetRequestConfiguration{
				Headers:         m.pagePreference(size),
				QueryParameters: &users.ItemMailFoldersItemMessagesDeltaRequestBuilderGetQueryParameters{Select: m.fields()},
			})
	}
	return users.NewItemMailFoldersItemMessagesDeltaRequestBuilder(m.client.base.String()+f.Link, m.client.adapter).
		ToGetRequestInformation(ctx, &users.ItemMailFoldersItemMessagesDeltaRequestBuilderGetRequestConfiguration{
			Headers: m.pagePreference(size),
		})
}

// pagePreference has to come with every page, not only with the first ("Get incremental changes to messages").
func (m *Mailbox) pagePreference(size int) *abstractions.RequestHeaders {
	return prefer(append(m.bodyPreference(), "odata.maxpagesize="+strconv.Itoa(size))...)
}

// take moves a folder's cursor by what came back for it and notes the messages in it.
func (m *Mailbox) take(f *folderCursor, a *inner, seen *sightings) error {
	if a.status == 0 {
		return errNoAnswer
	}
	refusal := a.refusal()
	switch {
	case f.ID == "" && refusal == nil:
		if folder := f.found(&a.body); f.Due && f.ID != "" {
			seen.total += folder.TotalItemCount
		}
		return nil
	case f.ID == "" && refusal.gone():
		f.forget()
		return nil
	case refusal == nil:
		seen.afresh = seen.afresh || f.Link == "" && f.place() == inbox.Inbox
		return m.takePage(f, &a.body, seen)
	case f.Link != "" && (refusal.stale() || refusal.status == http.StatusBadRequest):
		f.Link, f.Due = "", true
		return nil
	case refusal.gone():
		f.forget()
		f.Due = true
		return nil
	}
	return refusal
}

// found moves the search for a folder on by one name, and gives the folder of that name.
func (f *folderCursor) found(body *wireBody) wireItem {
	if f.place() != inbox.Elsewhere {
		f.ID, f.Due = body.ID, f.listed() && body.ID != ""
		return body.wireItem
	}
	names := strings.Split(f.Name, "/")
	for _, folder := range body.Value {
		if !strings.EqualFold(folder.DisplayName, names[f.Depth]) {
			continue
		}
		f.Parent, f.Depth, f.Due = folder.ID, f.Depth+1, true
		if f.Depth == len(names) {
			*f = folderCursor{Name: f.Name, ID: folder.ID, Due: true}
		}
		return folder
	}
	f.forget()
	return wireItem{}
}

func (m *Mailbox) takePage(f *folderCursor, body *wireBody, seen *sightings) error {
	link, more := body.DeltaLink, false
	if body.NextLink != "" {
		link, more = body.NextLink, true
	}
	if link == "" {
		return errors.New("the delta page has neither a next nor a delta link")
	}
	rest, err := m.client.link(link, "users")
	if err != nil {
		return err
	}
	f.Link, f.Due = rest, more
	for i := range body.Value {
		seen.add(f, &body.Value[i])
	}
	return nil
}

// settle turns what the folders' pages show into observations, oldest mail first. A removal says only that the message
// left one folder: unless another folder of this round has it, the message itself is asked where it is.
func (m *Mailbox) settle(ctx context.Context, seen *sightings, since time.Time) ([]inbox.Observation, error) {
	out := make([]inbox.Observation, 0, len(seen.order))
	var unclear []inbox.MessageID
	for _, s := range seen.order {
		if s.in == nil || s.doubtful {
			unclear = append(unclear, inbox.MessageID(s.item.ID))
			continue
		}
		o := m.observe(s.item, s.in.place(), false)
		o.New = brought(s.item, since)
		out = append(out, o)
	}
	found, err := m.read(ctx, unclear, m.stateRequest, m.observeState)
	if err != nil {
		return nil, err
	}
	out = append(out, found...)
	slices.SortStableFunc(out, func(a, b inbox.Observation) int {
		switch {
		case a.Message == nil || b.Message == nil:
			return boolOrder(a.Message == nil, b.Message == nil)
		}
		return a.Message.At.Compare(b.Message.At)
	})
	return out, nil
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
