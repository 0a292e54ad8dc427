package local_test

import (
	"archive/zip"
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/functions/local"
	"github.com/postroom/postroom/functions/web"
)

var (
	figures = flag.Bool("figures", false, "measure the figures of docs/benchmarks.md and print one line for each")
	zips    = flag.Bool("zips", false, "with -figures, build what is deployed to arm64 too, which compiles the Graph SDK anew")
)

// functions are those that have a binary of their own.
var functions = []string{"ingest", "sync", "tick", "provision", "console"}

// figure prints one line of "make bench".
func figure(name string, value float64, unit string) {
	fmt.Printf("%s %s %s\n", name, strconv.FormatFloat(value, 'f', -1, 64), unit)
}

func round(v float64, digits int) float64 {
	s, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'f', digits, 64), 64)
	return s
}

func milliseconds(d time.Duration) float64 { return round(float64(d.Microseconds())/1000, 1) }

// TestFigures measures what docs/benchmarks.md reports of the functions on AWS. It asserts nothing but that
// the load of the burst has been handled as TestLoad demands.
func TestFigures(t *testing.T) {
	if !*figures {
		t.Skip("measures only with -figures (make bench)")
	}
	t.Run("init", inits)
	t.Run("memory", memory)
	t.Run("ingest", ingestCPU)
	t.Run("burst", func(t *testing.T) {
		r := newRun(t, 200, 50)
		m := r.meter()
		r.all()
		m.stop().report("", 200*50)
		r.check()
	})
	t.Run("alone", alone)
	t.Run("idle", idle)
	if *zips {
		t.Run("zip", sizes)
	}
}

// inits measures the time from the start of a process to its first poll: the median of many.
func inits(t *testing.T) {
	s := newSite(t, twoMailboxes)
	for _, name := range functions {
		f := &local.Function{Name: name, Binary: binary(t, name), Env: s.sync.Env}
		t.Cleanup(f.Close)
		for range 21 {
			// Whatever it says to that event, it has been started.
			if _, err := f.Invoke(t.Context(), local.ScheduledEvent("postroom-tick", time.Now())); err != nil && len(f.Inits()) == 0 {
				t.Fatal(err)
			}
			f.Kill()
		}
		list := f.Inits()
		slices.Sort(list)
		figure("lambda."+name+".init_ms", milliseconds(list[len(list)/2]), "ms")
	}
}

// memory measures what sync has resident at the most while it works a thousand mails, half of them at each provider.
func memory(t *testing.T) {
	s := watched(t, twoMailboxes)
	for n := range 500 {
		s.receive(support, letter(n))
		s.receive(hello, letter(10_000+n))
		if n%10 == 9 {
			s.clock.advance(1100 * time.Millisecond)
			s.deliver()
			s.work(1)
		}
	}
	peak := 0.0
	for _, u := range s.sync.Usage() {
		peak = max(peak, u.Peak)
	}
	figure("lambda.sync.rss_mb", round(peak, 1), "MB")
}

// ingestCPU measures what a notification costs ingest's process, half of them of each vendor: reading the event, verifying,
// enqueuing and answering. And how long the sender waits for the answer, one after the other, with a table and a queue on
// this machine; cold is a process's first.
func ingestCPU(t *testing.T) {
	const rounds = 1000
	s := watched(t, twoMailboxes)
	bodies := map[string]string{}
	capture := func(r *http.Request) {
		var b bytes.Buffer
		b.ReadFrom(r.Body)
		bodies[r.URL.Path] = b.String()
	}
	s.receive(support, letter(1))
	s.receive(hello, letter(2))
	tap := s.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { capture(r); w.WriteHeader(http.StatusNoContent) }))
	s.Graph.OnNotification = func(_ string, body []byte) error { bodies[web.GraphPath] = string(body); return nil }
	s.Gmail.Push.URL = tap + web.GmailPath
	s.deliver()
	post := func(path string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, strings.NewReader(bodies[path]))
		s.must(err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+s.Gmail.Push.Token())
		resp, err := http.DefaultClient.Do(req)
		s.must(err)
		resp.Body.Close()
		if resp.StatusCode/100 != 2 {
			t.Fatalf("%s answers %s", path, resp.Status)
		}
	}
	spent := func() (sum time.Duration) {
		for _, u := range s.ingest.Usage() {
			sum += u.CPU
		}
		return sum
	}
	var waits []time.Duration
	timed := func(path string) time.Duration {
		began := time.Now()
		post(path)
		return time.Since(began)
	}
	for range 50 {
		post(web.GraphPath)
		post(web.GmailPath)
	}
	before := spent()
	for range rounds {
		waits = append(waits, timed(web.GraphPath), timed(web.GmailPath))
	}
	figure("ingest.cpu_us_per_notification", round(float64((spent()-before).Microseconds())/(2*rounds), 0), "us")
	slices.Sort(waits)
	figure("ingest.p99_ms", milliseconds(waits[len(waits)*99/100]), "ms")
	var cold []time.Duration
	for range 21 {
		s.ingest.Kill()
		cold = append(cold, timed(web.GraphPath))
	}
	slices.Sort(cold)
	figure("ingest.cold_ms", milliseconds(cold[len(cold)/2]), "ms")
}

// alone has mail come in one by one, each with its notifications, its sync and our echo: the dearest way.
func alone(t *testing.T) {
	const rounds = 25
	s := watched(t, twoMailboxes)
	for n := range 5 { // the first ones make markers ready
		s.one(support, n)
		s.one(hello, n)
	}
	m := s.meter()
	for n := range rounds {
		s.one(support, 100+n)
		s.one(hello, 100+n)
	}
	m.stop().report("_alone", 2*rounds)
}

// one lets a mail come in and works until nothing follows of it.
func (s *site) one(id inbox.MailboxID, n int) {
	s.receive(id, letter(n))
	for range 5 {
		s.clock.advance(1100 * time.Millisecond)
		if s.Gmail.Stats().Push.Waiting+s.Graph.Pending() == 0 {
			return
		}
		s.deliver()
		s.work(1)
	}
}

// idle counts what the sweeps of a mailbox cost in which nothing happens. Every other one, half an hour after the last,
// keeps when it was.
func idle(t *testing.T) {
	const rounds = 20
	s := watched(t, twoMailboxes)
	for _, id := range []inbox.MailboxID{support, hello} {
		s.hint(id)
		s.work(1)
	}
	m := s.meter()
	for n := range rounds {
		for _, id := range []inbox.MailboxID{support, hello} {
			if n%2 == 0 {
				p, err := s.table.Mailbox(t.Context(), id)
				s.must(err)
				p.Synced = p.Synced.Add(-time.Hour)
				s.must(s.table.SaveProgress(t.Context(), id, p)) // past the meter
			}
			s.hint(id)
			s.work(1)
		}
	}
	const sweeps = 365 * 24 * 60 / 12 / 15 // a month, one each 15 minutes
	figure("aws.usd_per_idle_mailbox_month", round(m.stop().bill()/(2*rounds)*sweeps, 4), "USD")
}

// sizes are of what is deployed.
func sizes(t *testing.T) {
	for _, name := range functions {
		file, err := local.BuildDeployable(t.Context(), t.TempDir(), "../"+name)
		if err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var packed bytes.Buffer
		z := zip.NewWriter(&packed)
		w, err := z.Create("bootstrap")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		figure("lambda."+name+".zip_mb", round(float64(packed.Len())/1e6, 2), "MB")
	}
}
