package gmailsim_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	gmail "google.golang.org/api/gmail/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/gmail/contract"
	"github.com/postroom/postroom/providers/gmail/gmailsim"
)

const box = "support@contoso.com"

var start = time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)

// desk is a simulator with one mailbox, and Google's own client talking to it; every exchange is held to the
// discovery document.
type desk struct {
	*testing.T
	sim     *gmailsim.Sim
	clock   *clock.Clock
	users   *gmail.UsersService
	handler http.Handler
	http    *http.Client
}

func loadContract(t testing.TB) *contract.Contract {
	t.Helper()
	path, err := contract.Discovery(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := contract.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	t.Parallel()
	d := &desk{T: t, sim: gmailsim.New(), clock: clock.At(start)}
	d.sim.Now = d.clock.Now
	d.sim.AddMailbox(box)
	d.handler = loadContract(t).Wrap(d.sim, func(v string) { t.Error(v) })
	d.http = &http.Client{Transport: bearer{&fault.Transport{Handler: d.handler}, box}}
	d.users = d.service(d.http)
	return d
}

func (d *desk) service(client *http.Client) *gmail.UsersService {
	d.Helper()
	srv, err := gmail.NewService(d.Context(), option.WithHTTPClient(client), option.WithEndpoint("https://gmail.test/"))
	if err != nil {
		d.Fatal(err)
	}
	return srv.Users
}

type bearer struct {
	next    http.RoundTripper
	mailbox string
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer sim:"+b.mailbox)
	return b.next.RoundTrip(r)
}

// receive delivers a mail and returns its id.
func (d *desk) receive(messageID, subject string, refs ...string) string {
	d.Helper()
	id, err := d.sim.Receive(box, rawMail(messageID, subject, refs...))
	if err != nil {
		d.Fatal(err)
	}
	return id
}

func rawMail(messageID, subject string, refs ...string) []byte {
	m := "From: Anna <anna@fabrikam.com>\r\nTo: " + box + "\r\nSubject: " + subject + "\r\nMessage-ID: <" + messageID + ">\r\n"
	if len(refs) > 0 {
		m += "In-Reply-To: <" + refs[len(refs)-1] + ">\r\nReferences: <" + strings.Join(refs, "> <") + ">\r\n"
	}
	return []byte(m + "\r\nHello <you> & me,\r\nwhere is it?\r\n")
}

func decode(s string) ([]byte, error) { return base64.URLEncoding.DecodeString(s) }

func encode(raw []byte) string { return base64.URLEncoding.EncodeToString(raw) }

// must fails the test on an error of a call whose result is of interest.
func must[T any](v T, err error) func(*desk) T {
	return func(d *desk) T {
		d.Helper()
		if err != nil {
			d.Fatal(err)
		}
		return v
	}
}

func (d *desk) ok(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

// refused fails unless err is Google's error of that code with that text in its message.
func (d *desk) refused(err error, code int, text string) {
	d.Helper()
	var g *googleapi.Error
	if !errors.As(err, &g) || g.Code != code || !strings.Contains(g.Message, text) {
		d.Errorf("got %v, want %d %q", err, code, text)
	}
}

// refusedRaw is refused for a request that the contract would call wrong, and therefore goes past it.
func (d *desk) refusedRaw(verb, path, body string, code int, text string) {
	d.Helper()
	got, status := d.raw(verb, path, body)
	if status != code || !strings.Contains(got, text) {
		d.Errorf("%s %s %s: got %d %s, want %d %q", verb, path, body, status, got, code, text)
	}
}

func (d *desk) raw(verb, path, body string) (string, int) {
	d.Helper()
	client := &http.Client{Transport: bearer{&fault.Transport{Handler: d.sim}, box}}
	req, err := http.NewRequestWithContext(d.Context(), verb, "https://gmail.test"+path, strings.NewReader(body))
	d.ok(err)
	resp, err := client.Do(req)
	d.ok(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	d.ok(err)
	return string(b), resp.StatusCode
}

func (d *desk) message(id string) gmailsim.Message {
	d.Helper()
	return must(d.sim.Message(box, id))(d)
}

func (d *desk) labels(id string) string {
	d.Helper()
	return strings.Join(d.message(id).Labels, " ")
}

func (d *desk) historyID() uint64 {
	d.Helper()
	return must(d.users.GetProfile("me").Do())(d).HistoryId
}

// changes is the history since a cursor, a line for each record: "labelAdded <subject> <labels>".
func (d *desk) changes(since uint64) []string {
	d.Helper()
	var list []string
	last := since
	err := d.users.History.List("me").StartHistoryId(since).Pages(d.Context(), func(p *gmail.ListHistoryResponse) error {
		for _, h := range p.History {
			if h.Id <= last {
				d.Errorf("history id %d follows %d", h.Id, last)
			}
			last = h.Id
			for _, m := range h.MessagesAdded {
				list = append(list, "messageAdded "+m.Message.Id+" "+strings.Join(m.Message.LabelIds, " "))
			}
			for _, m := range h.MessagesDeleted {
				list = append(list, "messageDeleted "+m.Message.Id)
			}
			for _, m := range h.LabelsAdded {
				list = append(list, "labelAdded "+m.Message.Id+" "+strings.Join(m.LabelIds, " "))
			}
			for _, m := range h.LabelsRemoved {
				list = append(list, "labelRemoved "+m.Message.Id+" "+strings.Join(m.LabelIds, " "))
			}
		}
		return nil
	})
	d.ok(err)
	return list
}

func (d *desk) wantChanges(since uint64, want ...string) {
	d.Helper()
	if got := d.changes(since); fmt.Sprint(got) != fmt.Sprint(want) {
		d.Errorf("history:\n got %q\nwant %q", got, want)
	}
}

func TestWhoMayAsk(t *testing.T) {
	d := newDesk(t)
	d.sim.AddMailbox("sales@contoso.com")
	if p := must(d.users.GetProfile(box).Do())(d); p.EmailAddress != box || p.HistoryId == 0 {
		t.Errorf("profile %+v", p)
	}
	_, err := d.users.GetProfile("sales@contoso.com").Do()
	d.refused(err, 403, "Delegation denied for "+box)
	for name, transport := range map[string]http.RoundTripper{
		"none": &fault.Transport{Handler: d.handler}, "empty": bearer{&fault.Transport{Handler: d.handler}, ""},
	} {
		_, err := d.service(&http.Client{Transport: transport}).GetProfile("me").Do()
		t.Log(name)
		d.refused(err, 401, "invalid authentication credentials")
	}
	_, err = d.service(&http.Client{Transport: bearer{&fault.Transport{Handler: d.handler}, "nobody@contoso.com"}}).GetProfile("me").Do()
	d.refused(err, 400, "Mail service not enabled")

	d.sim.Subject = func(r *http.Request) (string, bool) { return "Sales@contoso.com", true }
	if p := must(d.users.GetProfile("me").Do())(d); p.EmailAddress != "sales@contoso.com" {
		t.Errorf("with a Subject of its own: %+v", p)
	}
}

func TestErrorForm(t *testing.T) {
	d := newDesk(t)
	body, status := d.raw("GET", "/gmail/v1/users/me/messages/none", "")
	var e struct {
		Error struct {
			Code            int
			Message, Status string
			Errors          []struct{ Message, Domain, Reason string }
		}
	}
	d.ok(json.Unmarshal([]byte(body), &e))
	if status != 404 || e.Error.Code != 404 || e.Error.Status != "NOT_FOUND" || e.Error.Errors[0].Reason != "notFound" {
		t.Errorf("%d %s", status, body)
	}
	for _, tt := range []struct {
		verb, path, body string
		code             int
		text             string
	}{
		{"GET", "/gmail/v1/users/me/nothing", "", 404, "not found"},
		{"GET", "/elsewhere", "", 404, "not found"},
		{"POST", "/gmail/v1/users/me/labels", `{"nome":"x"}`, 400, "Unknown name"},
		{"POST", "/gmail/v1/users/me/labels", `{"name":1}`, 400, "Invalid JSON payload"},
		{"POST", "/gmail/v1/users/me/labels", `{"name":"x"}{}`, 400, "Invalid JSON payload"},
		{"POST", "/gmail/v1/users/me/labels", `{"name"`, 400, "Invalid JSON payload"},
		{"GET", "/gmail/v1/users/me/messages?maxResults=-1", "", 400, "max_results"},
		{"GET", "/gmail/v1/users/me/messages?pageToken=x", "", 400, "pageToken"},
		{"GET", "/gmail/v1/users/me/labels?fields=a(b", "", 400, "field selection"},
		{"POST", "/gmail/v1/users/me/messages/send", `{"raw":"%%%"}`, 400, "Base64"},
	} {
		d.refusedRaw(tt.verb, tt.path, tt.body, tt.code, tt.text)
	}
}
