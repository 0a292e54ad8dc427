package msgraph_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/core/rules"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/msgraph"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

func TestChangesGivesTheWholeMessage(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	id, err := tn.Receive(support, email(1, "=?utf-8?q?J=C3=B8rgen?= <Jorgen@Customer.test>", "Hvor er min pakke?", "<a@x>", "<b@x>"))
	must(t, err)
	must(t, tn.SetCategories(support, id, "Urgent", "Blue folder"))
	o := one(t, tn.changes(tn.mailbox()))
	equal(t, "id", string(o.ID), id)
	if o.State == nil || o.Message == nil {
		t.Fatalf("state %v, message %v", o.State, o.Message)
	}
	equal(t, "place", o.State.Place, inbox.Inbox)
	equalSet(t, "markers", o.State.Markers, "Blue folder", "Urgent")
	equal(t, "stamp", o.State.Stamp, noon.Unix())
	if o.State.Revision == "" {
		t.Error("no revision")
	}
	m := o.Message
	equal(t, "thread", m.Thread, o.Thread)
	equal(t, "hint", m.ThreadIsHint, true)
	equal(t, "RFC id", m.RFCID, "<m1@customer.test>")
	equal(t, "in reply to", m.InReplyTo, "<b@x>")
	equal(t, "references", fmt.Sprint(m.References), "[<a@x> <b@x>]")
	equal(t, "from", m.From, inbox.Person{Name: "Jørgen", Address: "jorgen@customer.test"})
	equal(t, "to", m.To[0].Address, support)
	equal(t, "subject", m.Subject, "Hvor er min pakke?")
	equal(t, "header", m.Get("X-Priority"), "3")
	equal(t, "at", m.At, noon)
	equal(t, "direction", m.Direction, inbox.In)
	equal(t, "unread", m.Unread, true)
	equal(t, "body", m.Body, "")
}

// TestHeadersMissingFromDelta: without its header automated mail would pass for a person's, so such mail is left to Fetch.
func TestHeadersMissingFromDelta(t *testing.T) {
	t.Parallel()
	tn := newTenant(t, func(s *graphsim.Sim) { s.DeltaNoHeaders = true })
	id := tn.receive(1)
	m := tn.mailbox()
	for _, o := range tn.changes(m) {
		if o.ID == id && o.Message != nil {
			t.Error("a mail without its header passes for whole")
		}
	}
	got, err := m.Fetch(t.Context(), []inbox.MessageID{id})
	must(t, err)
	if len(got) != 1 || got[0].Message == nil || got[0].Message.Get("X-Priority") != "3" {
		t.Errorf("fetched %+v", got)
	}
}

func TestChangesReadsWhatTheRulesNeed(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	raw := "From: c@customer.test\r\nSubject: two parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/html\r\n\r\n<p>Look &amp; see</p>\r\n--b\r\nContent-Type: application/PDF; name=a.pdf\r\n" +
		"Content-Disposition: attachment; filename=a.pdf\r\n\r\npdf\r\n--b--\r\n"
	id, err := tn.Receive(support, []byte(raw))
	must(t, err)
	m := tn.mailbox(func(o *msgraph.MailboxOptions) { o.Needs = rules.Needs{Body: true, Attachments: true, Size: true} })
	o := one(t, tn.changes(m))
	if o.Message != nil {
		t.Fatal("a delta has neither attachments nor size, and yet the message counts as whole")
	}
	got, err := m.Fetch(context.Background(), []inbox.MessageID{o.ID})
	must(t, err)
	msg := one(t, got).Message
	equal(t, "id", string(msg.ID), id)
	equal(t, "body", msg.Body, "Look & see")
	equal(t, "attachments", fmt.Sprint(msg.Attachments), "[{a.pdf application/pdf 3}]")
	if msg.Size < int64(len(raw))/2 {
		t.Errorf("size is %d of a mail of %d bytes", msg.Size, len(raw))
	}
	tn.receive(2)
	m = tn.mailbox(func(o *msgraph.MailboxOptions) { o.Needs = rules.Needs{Body: true, Attachments: true} })
	if o := one(t, tn.changes(m)); o.Message == nil || o.Message.Body != "Hello, mail number 2.\n" && o.Message.Body != "Hello, mail number 2.\r\n" {
		t.Errorf("a mail without attachments is not whole, or its body is missing: %+v", o.Message)
	}
}

func TestDirections(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	first := tn.receive(1)
	sent, err := tn.Answer(support, string(first), "", "Here you are.")
	must(t, err)
	filed, err := tn.Answer(support, string(first), "one@contoso.com", "And this.")
	must(t, err)
	must(t, tn.Move(support, filed, "archive"))
	draft, err := tn.SaveDraft(support, string(first), "Not yet")
	must(t, err)
	toSelf, err := tn.Receive(support, email(2, "Support <support@contoso.com>", "Note to us"))
	must(t, err)
	claimed, err := tn.ReceiveAt(support, "archive", email(3, "Helpdesk <help@contoso.com>", "You won"), noon, true)
	must(t, err)
	m := tn.mailbox(func(o *msgraph.MailboxOptions) { o.Aliases = []inbox.Address{"help@contoso.com"} })
	got := latest(tn.changes(m))
	for _, c := range []struct {
		what, id  string
		direction inbox.Direction
		place     inbox.Place
	}{
		{"a customer's mail", string(first), inbox.In, inbox.Inbox},
		{"an answer in Sent Items", sent, inbox.Out, inbox.Sent},
		{"an answer filed in Archive", filed, inbox.Out, inbox.Archive},
		{"a draft", draft, inbox.Draft, inbox.Drafts},
		{"what the mailbox wrote to itself", toSelf, inbox.In, inbox.Inbox},
		{"what only claims to be from the mailbox", claimed, inbox.In, inbox.Archive},
	} {
		o := got[inbox.MessageID(c.id)]
		if o.Message == nil {
			t.Errorf("%s: not whole", c.what)
			continue
		}
		equal(t, "direction of "+c.what, o.Message.Direction, c.direction)
		equal(t, "place of "+c.what, o.State.Place, c.place)
	}
	equal(t, "sender on behalf", got[inbox.MessageID(filed)].Message.Sender.Address, "one@contoso.com")
}

// A person's move is one observation with the new place, whatever folders are involved and however it comes in.
func TestMoves(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		move []string
		want inbox.Place
	}{
		{"to a folder read before its own", []string{"archive", "inbox"}, inbox.Inbox},
		{"to a folder read after its own", []string{"archive"}, inbox.Archive},
		{"there and back and there again", []string{"archive", "inbox", "archive"}, inbox.Archive},
		{"to a watched folder", []string{"Refunds"}, inbox.Elsewhere},
		{"to a folder nobody watches", []string{"Outbox"}, inbox.Elsewhere},
		{"to the bin", []string{"deleteditems"}, inbox.Trash},
		{"through the bin and back", []string{"deleteditems", "inbox"}, inbox.Inbox},
		{"to junk", []string{"archive", "junkemail"}, inbox.Junk},
	} {
		for _, stepwise := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, read after each move: %v", c.name, stepwise), func(t *testing.T) {
				t.Parallel()
				tn := newTenant(t)
				tn.makeFolder("Refunds")
				m := tn.mailbox(func(o *msgraph.MailboxOptions) { o.Folders = []string{"Refunds"} })
				id := tn.receive(1)
				tn.changes(m)
				var seen []inbox.Observation
				for _, folder := range c.move {
					tn.tick()
					must(t, tn.Move(support, string(id), folder))
					if stepwise {
						seen = tn.changes(m)
					}
				}
				if !stepwise {
					tn.ResetStats()
					seen = tn.changes(m)
					if c.want != inbox.Trash && c.want != inbox.Junk && c.move[0] != "Outbox" {
						equal(t, "round trips, since both folders are watched", tn.Stats().RoundTrips, 1)
					}
				}
				o := one(t, seen)
				equal(t, "id", o.ID, id)
				if o.Gone || o.State == nil {
					t.Fatalf("gone %v, state %v", o.Gone, o.State)
				}
				equal(t, "place", o.State.Place, c.want)
			})
		}
	}
}

// A message is moved between the reads of two folders, so that both show it: the message itself is asked.
func TestMoveDuringARound(t *testing.T) {
	t.Parallel()
	const link = `"@odata.deltaLink":"https://graph.microsoft.com/v1.0/users/u/delta?$deltatoken=1"`
	item := func(etag string) string { return strings.Replace(fullItem, `W/\"A\"`, etag, 1) }
	asked := 0
	m := scripted(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/$batch") {
			script(200, `{"responses":[{"id":"0","status":200,"body":{"value":[`+item("old")+`],`+link+`}},{"id":"3","status":200,"body":{"value":[`+item("new")+`],`+link+`}},`+
				`{"id":"1","status":200,"body":{"value":[],`+link+`}},{"id":"2","status":200,"body":{"value":[],`+link+`}}]}`).ServeHTTP(w, r)
			return
		}
		asked++
		script(200, strings.Replace(item("newest"), `"parentFolderId":"I"`, `"parentFolderId":"A"`, 1)).ServeHTTP(w, r)
	}))
	page, err := m.Changes(context.Background(), inbox.Cursor(strings.Replace(string(atInbox), `"d":true`, `"l":"/users/x"`, 1)))
	must(t, err)
	o := one(t, page.Changes)
	equal(t, "asked", asked, 1)
	equal(t, "revision", o.State.Revision, "newest")
	equal(t, "place", o.State.Place, inbox.Archive)
}

// Exchange's delta may be behind the notification that woke us.
func TestDeltaThatLags(t *testing.T) {
	t.Parallel()
	tn := newTenant(t, func(s *graphsim.Sim) { s.DeltaLag = 30 * time.Second })
	m := tn.mailbox()
	tn.changes(m)
	id := tn.receive(1)
	equal(t, "seen at once", len(tn.changes(m)), 0)
	tn.now = tn.now.Add(time.Minute)
	equal(t, "seen later", one(t, tn.changes(m)).ID, id)
}

func TestDeletedForGood(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	m := tn.mailbox()
	id := tn.receive(1)
	tn.changes(m)
	must(t, tn.Erase(support, string(id)))
	if o := one(t, tn.changes(m)); o.ID != id || !o.Gone {
		t.Errorf("%+v, want %s gone", o, id)
	}
}

func TestManyRemovalsAreReadInBatches(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	m := tn.mailbox()
	for n := range 45 {
		tn.receive(n)
	}
	all := tn.changes(m)
	for n, o := range all {
		if n%2 == 0 {
			must(t, tn.Erase(support, string(o.ID)))
		} else {
			must(t, tn.Delete(support, string(o.ID)))
		}
	}
	tn.ResetStats()
	gone := 0
	for _, o := range tn.changes(m) {
		switch {
		case o.Gone:
			gone++
		case o.State == nil || o.State.Place != inbox.Trash:
			t.Errorf("%s is neither gone nor in the bin: %+v", o.ID, o.State)
		}
	}
	equal(t, "gone", gone, 23)
	equal(t, "round trips", tn.Stats().RoundTrips, 1+3)
}

func TestListingPagesThroughEveryFolder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*graphsim.Sim)
	}{
		{"plain", func(*graphsim.Sim) {}},
		{"repeated items", func(s *graphsim.Sim) { s.DeltaRepeats = true }},
		{"empty pages", func(s *graphsim.Sim) { s.DeltaEmptyPages = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tn := newTenant(t, c.change)
			want := map[inbox.MessageID]bool{}
			for n := range 53 {
				folder := []string{"inbox", "archive", "inbox", "sentitems"}[n%4]
				id, err := tn.ReceiveAt(support, folder, email(n, "c@customer.test", fmt.Sprint("Mail ", n)), noon.Add(-time.Duration(n)*time.Hour), true)
				must(t, err)
				want[inbox.MessageID(id)] = true
			}
			got := latest(tn.changes(tn.mailbox(func(o *msgraph.MailboxOptions) { o.PageSize = 7 })))
			for id := range want {
				if got[id].Message == nil {
					t.Errorf("%s is missing", id)
				}
			}
			equal(t, "messages", len(got), len(want))
		})
	}
}

func TestSparseItemsAreLeftToFetch(t *testing.T) {
	t.Parallel()
	tn := newTenant(t, func(s *graphsim.Sim) { s.DeltaSparse = true })
	m := tn.mailbox()
	id := tn.receive(1)
	tn.changes(m)
	tn.tick()
	must(t, tn.MarkRead(support, string(id), true))
	o := one(t, tn.changes(m))
	if o.State != nil || o.Message != nil {
		t.Errorf("an item without categories has a state %v and a message %v", o.State, o.Message)
	}
	got, err := m.Fetch(context.Background(), []inbox.MessageID{id})
	must(t, err)
	if o := one(t, got); o.State == nil || o.Message == nil || o.Message.Unread {
		t.Errorf("Fetch does not tell the state: %+v", o)
	}
}

func TestExpiredFolderIsListedAnew(t *testing.T) {
	t.Parallel()
	for _, status := range []int{0, 400, 404} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			tn := newTenant(t, func(s *graphsim.Sim) { s.DeltaExpiredStatus = status })
			m := tn.mailbox()
			in := tn.receive(1)
			old, err := tn.ReceiveAt(support, "archive", email(2, "c@customer.test", "Old"), noon, true)
			must(t, err)
			tn.changes(m)
			must(t, tn.ExpireDelta(support, "inbox"))
			late := tn.receive(3)
			got := latest(tn.changes(m))
			equal(t, "listed", len(got), 2)
			if got[in].Message == nil || got[late].Message == nil {
				t.Errorf("the inbox is not listed anew: %v", got)
			}
			if _, ok := got[inbox.MessageID(old)]; ok {
				t.Error("a folder whose token was good is listed anew")
			}
			equal(t, "left afterwards", len(tn.changes(m)), 0)
		})
	}
}

func TestForeignCursors(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	m := tn.mailbox()
	for _, c := range []inbox.Cursor{"12345", "{}", `{"v":2}`, `{"v":1,"f":[null]}`, `{"v":1,"f":[{"n":"inbox","i":"x","l":"https://evil.test/v1.0/users"}]}`} {
		if _, err := m.Changes(context.Background(), c); !errors.Is(err, pipeline.ErrCursorExpired) {
			t.Errorf("cursor %s: %v, want ErrCursorExpired", c, err)
		}
	}
}

func TestDamagedTokenIsListedAnew(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	m := tn.mailbox()
	id := tn.receive(1)
	tn.changes(m)
	tn.cursor = inbox.Cursor(replaceTokens(string(tn.cursor)))
	equal(t, "id", one(t, tn.changes(m)).ID, id)
}

func TestArchiveThatComesLater(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	must(t, tn.AddMailbox(graphsim.Mailbox{Address: "young@contoso.com", NoArchive: true}))
	m := tn.mailbox(func(o *msgraph.MailboxOptions) { o.Address = "young@contoso.com"; o.Folders = []string{"Team/Refunds"} })
	raw := email(1, "c@customer.test", "First")
	id, err := tn.Receive("young@contoso.com", raw)
	must(t, err)
	equal(t, "in the inbox", string(one(t, tn.changes(m)).ID), id)
	tn.makeFolderIn("young@contoso.com", "", "Team")
	equal(t, "with half the path there", len(tn.changes(m)), 0)
	tn.makeFolderIn("young@contoso.com", "Team", "Refunds")
	id, err = tn.ReceiveAt("young@contoso.com", "Refunds", email(2, "d@customer.test", "Second"), noon, false)
	must(t, err)
	o := one(t, tn.changes(m))
	equal(t, "in the new folder", string(o.ID), id)
	equal(t, "place", o.State.Place, inbox.Elsewhere)
}

// Somebody deletes a watched folder and makes another of that name.
func TestFolderThatIsMadeAnew(t *testing.T) {
	t.Parallel()
	folders := map[string]string{"old": `{"error":{"code":"ErrorItemNotFound","message":"The specified object was not found in the store."}}`,
		"new": `{"value":[` + fullItem + `],"@odata.deltaLink":"https://graph.microsoft.com/v1.0/users/u/delta?$deltatoken=1"}`}
	m := scripted(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.Path, "/mailFolders/old/"):
			script(404, folders["old"]).ServeHTTP(w, r)
		case strings.Contains(r.URL.Path, "/mailFolders/new/"):
			script(200, folders["new"]).ServeHTTP(w, r)
		default:
			script(200, `{"value":[{"id":"other","displayName":"Refunds 2025"},{"id":"new","displayName":"refunds"}]}`).ServeHTTP(w, r)
		}
	}), "Refunds")
	cursor := inbox.Cursor(strings.Replace(string(atInbox), `"i":"I","d":true`, `"i":"I","l":"/users/x"`, 1))
	cursor = cursor[:len(cursor)-2] + `,{"n":"Refunds","i":"old","l":"/users/u/mailFolders/old/delta","d":true}]}`
	var seen []inbox.Observation
	for n := 0; n < 3; n++ {
		page, err := m.Changes(context.Background(), cursor)
		must(t, err)
		seen, cursor = append(seen, page.Changes...), page.Next
		equal(t, "more", page.More, n < 2)
	}
	equal(t, "id", one(t, seen).ID, "m1")
}

func TestInnerThrottleOfAReading(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	m := tn.mailbox()
	id := tn.receive(1)
	tn.Dial.Add(fault.Rule{Kind: fault.InnerThrottle, Path: "/delta", Skip: 1, RetryAfter: 7 * time.Second, Times: 1})
	tn.Dial.Add(fault.Rule{Kind: fault.InnerThrottle, Path: "/delta", Skip: 1, RetryAfter: 40 * time.Second, Times: 1})
	page, err := m.Changes(context.Background(), "")
	must(t, err)
	_, err = m.Changes(context.Background(), page.Next)
	var throttled *pipeline.Throttled
	if !errors.As(err, &throttled) || throttled.After != 40*time.Second {
		t.Fatalf("%v, want to be throttled for 40 s", err)
	}
	tn.cursor = page.Next
	equal(t, "read afterwards", one(t, tn.changes(m)).ID, id)
}
