package msgraph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/msgraph"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

const (
	support = "support@contoso.com"
	root    = "https://graph.microsoft.com/v1.0"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// tenant is a simulator with one mailbox, a client for it, and a clock that every request moves by a second.
type tenant struct {
	*graphsim.Sim
	t      testing.TB
	now    time.Time
	trips  *fault.Transport
	client *msgraph.Client
	cursor inbox.Cursor
}

func newTenant(t *testing.T, change ...func(*graphsim.Sim)) *tenant {
	t.Helper()
	tn := bare(t, change...)
	tn.trips.Handler = immutable(t, checked(t, tn.Sim))
	return tn
}

// bare is a tenant whose exchanges are not checked, for benchmarks.
func bare(t testing.TB, change ...func(*graphsim.Sim)) *tenant {
	t.Helper()
	tn := &tenant{t: t, now: noon}
	tn.Sim = &graphsim.Sim{
		Now:  func() time.Time { return tn.now },
		Dial: &fault.Dial{},
		Rand: rand.New(rand.NewPCG(7, 7)),
	}
	for _, c := range change {
		c(tn.Sim)
	}
	tn.trips = &fault.Transport{Handler: tn.Sim}
	must(t, tn.AddMailbox(graphsim.Mailbox{Address: support, Name: "Contoso Support"}))
	tn.client = tn.newClient(tn.trips)
	return tn
}

func (tn *tenant) newClient(transport http.RoundTripper) *msgraph.Client {
	tn.t.Helper()
	c, err := msgraph.NewClient(msgraph.Options{
		BaseURL: root, Transport: transport,
		Now:    func() time.Time { return tn.now },
		Jitter: func() time.Duration { return 250 * time.Millisecond },
	})
	must(tn.t, err)
	return c
}

func own(m inbox.Marker) bool {
	return strings.HasPrefix(string(m), "@") || m == "VIP" || m == "Closed"
}

func (tn *tenant) mailbox(change ...func(*msgraph.MailboxOptions)) *msgraph.Mailbox {
	tn.t.Helper()
	o := msgraph.MailboxOptions{Address: support, Own: own}
	for _, c := range change {
		c(&o)
	}
	m, err := tn.client.Mailbox(o)
	must(tn.t, err)
	return m
}

// tick moves the clock by a second, the resolution of lastModifiedDateTime.
func (tn *tenant) tick() { tn.now = tn.now.Add(time.Second) }

// email is a small mail as a server delivers it; refs are the Message-IDs it answers.
func email(n int, from, subject string, refs ...string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "Received: from mx.customer.test by mx.contoso.com; Mon, 04 May 2026 11:59:30 +0000\r\nFrom: %s\r\nTo: Support <%s>\r\n", from, support)
	fmt.Fprintf(&b, "Subject: %s\r\nMessage-ID: <m%d@customer.test>\r\nDate: Mon, 04 May 2026 11:59:00 +0000\r\n", subject, n)
	if len(refs) > 0 {
		fmt.Fprintf(&b, "In-Reply-To: %s\r\nReferences: %s\r\n", refs[len(refs)-1], strings.Join(refs, " "))
	}
	fmt.Fprintf(&b, "X-Priority: 3\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello, mail number %d.\r\n", n)
	return []byte(b.String())
}

func (tn *tenant) receive(n int) inbox.MessageID {
	tn.t.Helper()
	tn.tick()
	id, err := tn.Receive(support, email(n, fmt.Sprintf("Customer %d <c%d@customer.test>", n, n), fmt.Sprintf("Question %d", n)))
	must(tn.t, err)
	return inbox.MessageID(id)
}

// changes reads every page since the last reading and returns what they hold.
func (tn *tenant) changes(m pipeline.Provider) []inbox.Observation {
	tn.t.Helper()
	var all []inbox.Observation
	for range 10_000 {
		page, err := m.Changes(context.Background(), tn.cursor)
		must(tn.t, err)
		all = append(all, page.Changes...)
		tn.cursor = page.Next
		if !page.More {
			return all
		}
	}
	tn.t.Fatal("the changes do not end")
	return nil
}

// latest folds observations as their order says: the last of a message holds.
func latest(all []inbox.Observation) map[inbox.MessageID]inbox.Observation {
	out := map[inbox.MessageID]inbox.Observation{}
	for _, o := range all {
		out[o.ID] = o
	}
	return out
}

func one(t *testing.T, all []inbox.Observation) inbox.Observation {
	t.Helper()
	if len(all) != 1 {
		t.Fatalf("%d observations, want 1: %+v", len(all), all)
	}
	return all[0]
}

func (tn *tenant) categories(id inbox.MessageID) []string {
	tn.t.Helper()
	m, err := tn.Message(support, string(id))
	must(tn.t, err)
	return m.Categories
}

func mark(t *testing.T, m *msgraph.Mailbox, writes ...pipeline.Write) map[inbox.MessageID]pipeline.Written {
	t.Helper()
	done, err := m.Mark(context.Background(), writes)
	must(t, err)
	if len(done) != len(writes) {
		t.Fatalf("%d of %d writes reported", len(done), len(writes))
	}
	out := map[inbox.MessageID]pipeline.Written{}
	for _, w := range done {
		out[w.Message] = w
	}
	return out
}

func markers(names ...string) []inbox.Marker {
	var out []inbox.Marker
	for _, n := range names {
		out = append(out, inbox.Marker(n))
	}
	return out
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func equalSet[T ~string](t *testing.T, what string, got []T, want ...T) {
	t.Helper()
	g, w := slices.Clone(got), slices.Clone(want)
	slices.Sort(g)
	slices.Sort(w)
	if !slices.Equal(g, w) {
		t.Errorf("%s are %q, want %q", what, g, w)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (tn *tenant) makeFolder(name string) { tn.t.Helper(); tn.makeFolderIn(support, "", name) }

// makeFolderIn makes a folder through the API, in the folder of that display name or at the top.
func (tn *tenant) makeFolderIn(mailbox, parent, name string) {
	tn.t.Helper()
	path := "/users/" + mailbox + "/mailFolders"
	if parent != "" {
		list := tn.get(path + "?$top=100")
		id := ""
		for _, f := range list["value"].([]any) {
			if f := f.(map[string]any); f["displayName"] == parent {
				id = f["id"].(string)
			}
		}
		path += "/" + id + "/childFolders"
	}
	resp, err := (&http.Client{Transport: tn.trips}).Post(root+path, "application/json", strings.NewReader(`{"displayName":"`+name+`"}`))
	must(tn.t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		tn.t.Fatalf("make folder %s: %s", name, resp.Status)
	}
}

func (tn *tenant) get(path string) map[string]any {
	tn.t.Helper()
	resp, err := (&http.Client{Transport: tn.trips}).Get(root + strings.ReplaceAll(path, " ", "%20"))
	must(tn.t, err)
	defer resp.Body.Close()
	var out map[string]any
	must(tn.t, json.NewDecoder(resp.Body).Decode(&out))
	return out
}

var token = regexp.MustCompile(`token=[^"\\]+`)

// replaceTokens spoils the delta tokens in a cursor.
func replaceTokens(cursor string) string { return token.ReplaceAllString(cursor, "token=spoilt") }

// immutable fails the test for every request about messages, in a batch or alone, that does not ask for immutable ids:
// such a message would change its id with its folder.
func immutable(t *testing.T, next http.Handler) http.Handler {
	const ids = `IdType="ImmutableId"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if strings.Contains(r.URL.Path, "/messages") && !strings.Contains(r.Header.Get("Prefer"), ids) {
			t.Errorf("%s %s without immutable ids", r.Method, r.URL)
		}
		if strings.HasSuffix(r.URL.Path, "/$batch") {
			var batch struct {
				Requests []struct {
					URL     string
					Headers map[string]string
				}
			}
			if err := json.Unmarshal(body, &batch); err != nil {
				t.Error(err)
			}
			for _, inner := range batch.Requests {
				asked := false
				for name, value := range inner.Headers {
					asked = asked || strings.EqualFold(name, "Prefer") && strings.Contains(value, ids)
				}
				if strings.Contains(inner.URL, "/messages") && !asked {
					t.Errorf("%s in a batch without immutable ids", inner.URL)
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}
