package main_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/boot"
)

var figures = flag.Bool("figures", false, "measure the figures of docs/benchmarks.md and print one line for each")

// figure prints one line of "make bench".
func figure(name string, value float64, unit string) {
	fmt.Printf("%s %s %s\n", name, strconv.FormatFloat(value, 'f', -1, 64), unit)
}

func round(v float64, digits int) float64 {
	s, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'f', digits, 64), 64)
	return s
}

// TestFigures measures what docs/benchmarks.md reports: counts of requests, round trips and quota units, and CPU, memory and
// allocations a message. It asserts nothing; the counts are held by tests of their own.
func TestFigures(t *testing.T) {
	if !*figures {
		t.Skip("measures only with -figures (make bench)")
	}
	t.Run("backlog", func(t *testing.T) {
		for _, n := range []int{1_000, 10_000, 100_000} {
			backlog(t, 1, n)
		}
		for _, boxes := range []int{10, 100} {
			backlog(t, boxes, 1_000)
		}
	})
	t.Run("single", single)
	t.Run("pipeline", func(t *testing.T) {
		for _, n := range []int{1_000, 10_000, 100_000} {
			inProcess(t, 1, n)
		}
		for _, boxes := range []int{10, 100} {
			inProcess(t, boxes, 10_000/boxes)
		}
	})
	t.Run("serve", func(t *testing.T) {
		served(t, 0)
		served(t, 20_000)
		alone(t, 0)
		alone(t, 20_000)
	})
	t.Run("provision", func(t *testing.T) {
		provisioned(t, "m365")
		provisioned(t, "gmail")
		plannedInTime(t)
	})
	t.Run("memory", func(t *testing.T) {
		for _, n := range []int{5_000, 20_000, 100_000} {
			firstSync(t, n)
		}
	})
}

// office is a manifest with eight members and so many mailboxes at each provider.
func office(t *testing.T, boxes int) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Parse("postroom.yaml", []byte(officeText(boxes)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func officeText(boxes int) string {
	var b strings.Builder
	b.WriteString("version: 1\norganisation: {name: Contoso, domains: [contoso.com], timezone: Europe/Copenhagen}\nmembers:\n")
	for i, name := range []string{"Anna", "Bo", "Cleo", "Dara", "Emil", "Fie", "Gus", "Hana"} {
		fmt.Fprintf(&b, "  m%d: {name: %s, email: m%d@contoso.com}\n", i, name, i)
	}
	b.WriteString("mailboxes:\n")
	for i := range boxes {
		for _, provider := range []string{"m365", "gmail"} {
			fmt.Fprintf(&b, "  %s%d@contoso.com: {provider: %s, name: Box, agents: [m0, m1, m2, m3, m4, m5, m6, m7], leads: [m0], assign: {strategy: least-loaded}, backlog: triage unread, tags: {Refund: orange}, rules: [{name: refunds, when: {subject: [refund, \"money back\"]}, then: {tag: Refund}}]}\n", provider, i, provider)
		}
	}
	return b.String()
}

const (
	graphBox = "m3650@contoso.com"
	gmailBox = "gmail0@contoso.com"
)

// letter is a mail of ordinary size: 14 header fields and 1.5 kB of text.
func letter(n int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "Received: from mx%d.example.com by mx.contoso.com with ESMTPS id %d; Mon, 02 Mar 2026 09:00:00 +0000\r\n", n%7, n)
	fmt.Fprintf(&b, "Return-Path: <c%d@example.com>\r\nAuthentication-Results: mx.contoso.com; dkim=pass; spf=pass; dmarc=pass\r\n", n)
	fmt.Fprintf(&b, "From: Customer Number %d <c%d@example.com>\r\nTo: Support <support@contoso.com>\r\nSubject: Question %d about my order\r\n", n, n, n)
	fmt.Fprintf(&b, "Message-ID: <%d@example.com>\r\nDate: Mon, 02 Mar 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\nX-Mailer: Mailer 1.0\r\n", n)
	b.WriteString("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nUser-Agent: Mozilla/5.0\r\nThread-Topic: Question\r\n\r\n")
	for range 20 {
		b.WriteString("My order has not come yet, and I would like to know where it is, please.\r\n")
	}
	return []byte(b.String())
}

// fill delivers mails to the first mailbox at each provider.
func fill(t *testing.T, world *boot.Simulation, from, to int, at time.Time, read bool) {
	t.Helper()
	fillBox(t, world, 0, from, to, at, read)
}

func fillBox(t *testing.T, world *boot.Simulation, box, from, to int, at time.Time, read bool) {
	t.Helper()
	graphBox, gmailBox := fmt.Sprintf("m365%d@contoso.com", box), fmt.Sprintf("gmail%d@contoso.com", box)
	labels := []string{"INBOX", "UNREAD"}
	if read {
		labels = labels[:1]
	}
	for n := from; n < to; n++ {
		raw := letter(n)
		if _, err := world.Graph.ReceiveAt(graphBox, "inbox", raw, at, read); err != nil {
			t.Fatal(err)
		}
		if _, err := world.Gmail.ReceiveAt(gmailBox, raw, at, labels...); err != nil {
			t.Fatal(err)
		}
	}
}

// desk is a pipeline in memory on a simulated world.
func desk(t *testing.T, m *manifest.Manifest) (*boot.Simulation, *boot.Mailboxes, *pipeline.Pipeline) {
	t.Helper()
	world, err := boot.Simulate(m, boot.SimulationOptions{})
	if err != nil {
		t.Fatal(err)
	}
	clients, err := world.Clients(m)
	if err != nil {
		t.Fatal(err)
	}
	mailboxes, err := boot.Open(m, clients)
	if err != nil {
		t.Fatal(err)
	}
	store := &memory.Store{}
	return world, mailboxes, &pipeline.Pipeline{Store: store, Hints: &memory.Queue{}, Mailboxes: mailboxes.Get, Now: time.Now}
}

func syncOnce(t *testing.T, mailboxes *boot.Mailboxes, p *pipeline.Pipeline, id inbox.MailboxID) {
	t.Helper()
	if err := mailboxes.Prepare(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Sync(t.Context(), id); err != nil {
		t.Fatal(err)
	}
}

// backlog counts what n unread mails in each of so many mailboxes cost, from the first request to the last marker: making
// the markers ready and reading our own echo included.
func backlog(t *testing.T, boxes, n int) {
	world, mailboxes, p := desk(t, office(t, boxes))
	suffix := ""
	switch {
	case boxes > 1:
		suffix = fmt.Sprintf("_%dboxes", boxes)
	case n != 1000:
		suffix = fmt.Sprintf("_%dk", n/1000)
	}
	for i := range boxes {
		fillBox(t, world, i, 0, n, time.Now(), false)
	}
	for range 2 {
		for _, id := range mailboxes.IDs() {
			syncOnce(t, mailboxes, p, id)
		}
	}
	total := float64(boxes * n)
	g, o := world.Graph.Stats(), world.Gmail.Stats()
	figure("graph.backlog.requests_per_message"+suffix, round(float64(g.Requests)/total, 4), "requests")
	figure("graph.backlog.roundtrips_per_message"+suffix, round(float64(g.RoundTrips)/total, 4), "roundtrips")
	figure("gmail.backlog.units_per_message"+suffix, round(float64(o.QuotaUnits)/total, 4), "units")
	figure("gmail.backlog.requests_per_message"+suffix, round(float64(o.Requests)/total, 4), "requests")
}

// single counts and times one new mail, from the hint to the marker, in a warm process.
func single(t *testing.T) {
	world, mailboxes, p := desk(t, office(t, 1))
	syncOnce(t, mailboxes, p, graphBox)
	syncOnce(t, mailboxes, p, gmailBox)
	fill(t, world, 0, 1, time.Now(), false)
	syncOnce(t, mailboxes, p, graphBox)
	syncOnce(t, mailboxes, p, gmailBox)
	for i, provider := range []struct {
		name  string
		id    inbox.MailboxID
		trips func() int
	}{{"graph", graphBox, world.GraphTrips.RoundTrips}, {"gmail", gmailBox, world.GmailTrips.RoundTrips}} {
		fill(t, world, 10+i, 11+i, time.Now(), false)
		before := provider.trips()
		syncOnce(t, mailboxes, p, provider.id)
		figure(provider.name+".single.roundtrips", float64(provider.trips()-before), "roundtrips")
		syncOnce(t, mailboxes, p, graphBox)
		syncOnce(t, mailboxes, p, gmailBox)
		fill(t, world, 20+i, 21+i, time.Now(), false)
		world.GraphDial.Latency, world.GmailDial.Latency = 100*time.Millisecond, 100*time.Millisecond
		began := time.Now()
		syncOnce(t, mailboxes, p, provider.id)
		figure(provider.name+".single.latency_ms", round(float64(time.Since(began).Microseconds())/1000, 1), "ms")
		world.GraphDial.Latency, world.GmailDial.Latency = 0, 0
		syncOnce(t, mailboxes, p, graphBox)
		syncOnce(t, mailboxes, p, gmailBox)
	}
}

// inProcess measures the spine alone: a provider and a store in memory.
func inProcess(t *testing.T, boxes, n int) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	store := &memory.Store{}
	providers := map[inbox.MailboxID]*memory.Provider{}
	for i := range boxes {
		id := inbox.MailboxID(fmt.Sprintf("box%d@contoso.com", i))
		p := &memory.Provider{Address: inbox.Address(id)}
		for j := range n {
			p.Receive(inbox.Message{From: inbox.Person{Address: inbox.Address(fmt.Sprintf("c%d@example.com", j))}, Subject: "Question", At: now,
				To: []inbox.Person{{Address: inbox.Address(id)}}, Header: []inbox.Field{{Name: "Return-Path", Value: "<c@example.com>"}}})
		}
		providers[id] = p
	}
	policies := map[inbox.MailboxID]pipeline.Mailbox{}
	for id, p := range providers {
		policies[id] = pipeline.Mailbox{Policy: coretest.HistoryPolicy(id, "least-loaded", 0), Provider: p}
	}
	pipe := &pipeline.Pipeline{Store: store, Hints: &memory.Queue{}, Now: func() time.Time { return now },
		Mailboxes: func(id inbox.MailboxID) (pipeline.Mailbox, bool) { m, ok := policies[id]; return m, ok }}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu := ownCPU()
	for id := range providers {
		if _, err := pipe.Sync(context.Background(), id); err != nil {
			t.Fatal(err)
		}
	}
	spent := ownCPU() - cpu
	runtime.ReadMemStats(&after)
	total := float64(boxes * n)
	suffix := ""
	switch {
	case boxes > 1:
		suffix = fmt.Sprintf("_%dboxes", boxes)
	case n != 10_000:
		suffix = fmt.Sprintf("_%dk", n/1000)
	}
	figure("pipeline.cpu_us_per_message"+suffix, round(float64(spent.Microseconds())/total, 1), "us")
	figure("pipeline.allocs_per_message"+suffix, round(float64(after.Mallocs-before.Mallocs)/total, 1), "allocs")
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// process is postroom serve as a process of its own, against simulators in this one.
type process struct{ *exec.Cmd }

func startServe(t *testing.T, world *boot.Simulation, poll string) *process {
	t.Helper()
	cmd := serveOn(t, world, officeText(1), poll, os.Stderr).process()
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return &process{cmd}
}

// cpu is what the process has used so far, in user and system mode.
func (p *process) cpu(t *testing.T) time.Duration {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Process.Pid))
	if err != nil {
		t.Skip("needs /proc: ", err)
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+2:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100
}

// memory is what the process has resident, in MB: VmHWM is the most there has been of all kinds, RssAnon what it has of its
// own now, without the pages of the database file that the system may take back at any time.
func (p *process) memory(t *testing.T, kind string) float64 {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		t.Skip("needs /proc: ", err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, kind+":"); ok {
			kb, _ := strconv.Atoi(strings.Fields(rest)[0])
			return float64(kb) / 1024
		}
	}
	return 0
}

// quiet waits until our process has done what done asks for.
func (p *process) quiet(t *testing.T, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Minute)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatal("not done after ten minutes")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func marked(t *testing.T, world *boot.Simulation) int {
	t.Helper()
	n := 0
	graph, err := world.Graph.Messages(graphBox)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range graph {
		if len(m.Categories) > 0 {
			n++
		}
	}
	google, err := world.Gmail.Messages(gmailBox)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range google {
		if slices.ContainsFunc(m.Labels, func(l string) bool { return l[0] == '@' }) {
			n++
		}
	}
	return n
}

// served measures our process's CPU for each new mail, half of them at each provider, with so many conversations stored.
func served(t *testing.T, stored int) {
	const fresh = 4000
	m := office(t, 1)
	world, err := boot.Simulate(m, boot.SimulationOptions{})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, world, 0, stored/2, time.Now().AddDate(0, -1, 0), true)
	p := startServe(t, world, "50ms")
	p.quiet(t, func() bool { return synced(world, stored/2) })
	time.Sleep(2 * time.Second) // what is left of the first listing
	idle := p.cpu(t)
	time.Sleep(5 * time.Second)
	idle = (p.cpu(t) - idle) / 5 // a second
	before, began := p.cpu(t), time.Now()
	for n := 0; n < fresh/2; n += 50 {
		fill(t, world, 1_000_000+n, 1_000_050+n, time.Now(), false)
		time.Sleep(50 * time.Millisecond)
	}
	p.quiet(t, func() bool { return marked(t, world) == fresh })
	time.Sleep(2 * time.Second) // our own echo is work too
	spent := p.cpu(t) - before - time.Duration(float64(idle)*time.Since(began).Seconds())
	suffix := ""
	if stored > 0 {
		suffix = fmt.Sprintf("_%dk", stored/1000)
	}
	figure("serve.cpu_us_per_message"+suffix, round(float64(spent.Microseconds())/fresh, 0), "us")
}

// alone measures the dearest way for mail to come: one at each provider at a time, each with a sync and an echo of its own.
// Polls are few, so that what they use does not drown what is measured.
func alone(t *testing.T, stored int) {
	const rounds = 40
	m := office(t, 1)
	world, err := boot.Simulate(m, boot.SimulationOptions{})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, world, 0, stored/2, time.Now().AddDate(0, -1, 0), true)
	p := startServe(t, world, "500ms")
	p.quiet(t, func() bool { return synced(world, stored/2) })
	time.Sleep(2 * time.Second)
	idle := p.cpu(t)
	time.Sleep(10 * time.Second)
	idle = (p.cpu(t) - idle) / 10
	before, began := p.cpu(t), time.Now()
	for n := range rounds {
		fill(t, world, 1_000_000+n, 1_000_001+n, time.Now(), false)
		p.quiet(t, func() bool { return marked(t, world) == 2*(n+1) })
	}
	time.Sleep(time.Second)
	spent := p.cpu(t) - before - time.Duration(float64(idle)*time.Since(began).Seconds())
	suffix := ""
	if stored > 0 {
		suffix = fmt.Sprintf("_%dk", stored/1000)
	}
	figure("serve.cpu_us_per_message_alone"+suffix, round(float64(spent.Microseconds())/(2*rounds), 0), "us")
}

// synced reports whether our process has read the mailboxes to their end at least once.
func synced(world *boot.Simulation, n int) bool {
	g, o := world.Graph.Stats(), world.Gmail.Stats()
	return g.Requests > n/200+10 && o.Requests > n+10
}

// firstSync measures the memory of our process while it takes in a mailbox with n old mails, half at each provider.
func firstSync(t *testing.T, n int) {
	m := office(t, 1)
	world, err := boot.Simulate(m, boot.SimulationOptions{})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, world, 0, n/2, time.Now().AddDate(0, -1, 0), true)
	p := startServe(t, world, "50ms")
	p.quiet(t, func() bool { return synced(world, n/2) })
	time.Sleep(2 * time.Second)
	suffix := ""
	if n != 20_000 {
		suffix = fmt.Sprintf("_%dk", n/1000)
	}
	figure("sync.rss_mb"+suffix, round(p.memory(t, "VmHWM"), 1), "MB")
	figure("sync.own_mb"+suffix, round(p.memory(t, "RssAnon"), 1), "MB")
}
