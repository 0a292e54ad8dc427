package gmailsim_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/providers/gmail/gmailsim"
)

// loaded is a simulator with n mails of about 2.5 kB.
func loaded(tb testing.TB, n int) *gmailsim.Sim {
	tb.Helper()
	s := gmailsim.New()
	s.Now = func() time.Time { return start }
	s.AddMailbox(box)
	body := strings.Repeat("Where is my parcel? It was due last week.\r\n", 55)
	for i := range n {
		// Not in order of time, as files come.
		at := start.Add(-time.Duration((i*7919)%n) * time.Minute)
		if _, err := s.ReceiveAt(box, append(rawMail(fmt.Sprint(i, "@x"), fmt.Sprint("Order ", i)), body...), at, "INBOX", "UNREAD"); err != nil {
			tb.Fatal(err)
		}
	}
	return s
}

func TestMemoryOfALargeMailbox(t *testing.T) {
	const n = 20_000
	before := heap()
	s := loaded(t, n)
	per := (heap() - before) / n
	t.Logf("%d bytes of memory a mail of %d bytes", per, len(rawMail("1@x", "Order 1"))+43*55)
	if per > 6000 {
		t.Errorf("%d bytes a mail: 100,000 mails need %d MB", per, per/10)
	}
	runtime.KeepAlive(s)
}

func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func get(tb testing.TB, s *gmailsim.Sim, path string) {
	req := httptest.NewRequest("GET", "/gmail/v1/users/me/"+path, nil)
	req.Header.Set("Authorization", "Bearer sim:"+box)
	rec := httptest.NewRecorder()
	if s.ServeHTTP(rec, req); rec.Code != http.StatusOK {
		tb.Fatalf("%s: %d %s", path, rec.Code, rec.Body)
	}
}

// BenchmarkHistory reads the last ten changes of mailboxes of different sizes: the cost must not follow the size.
func BenchmarkHistory(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := loaded(b, n)
			since, err := s.HistoryID(box)
			if err != nil {
				b.Fatal(err)
			}
			for i := range 10 {
				if _, err := s.Receive(box, rawMail(fmt.Sprint("new", i, "@x"), "new")); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				get(b, s, fmt.Sprint("history?startHistoryId=", since))
			}
		})
	}
}

func BenchmarkReceive(b *testing.B) {
	s := loaded(b, 0)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := s.Receive(box, rawMail(fmt.Sprint(i, "@x"), "Order")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGetMetadata(b *testing.B) {
	s := loaded(b, 1000)
	all, err := s.Messages(box)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		get(b, s, "messages/"+all[i%len(all)].ID+"?format=metadata")
	}
}

func BenchmarkListPage(b *testing.B) {
	s := loaded(b, 100_000)
	for b.Loop() {
		get(b, s, "messages?maxResults=500&labelIds=INBOX")
	}
}
