package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/templates"
)

// runDemo runs the command line "postroom demo args…" with a machine's clock that goes on by a millisecond a look.
func runDemo(t *testing.T, ctx context.Context, tty bool, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	wall := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	code = run(append([]string{"demo"}, args...), &app{
		ctx: ctx, stdout: &out, stderr: &errs, env: func(string) string { return "" }, tty: tty,
		now: func() time.Time { wall = wall.Add(time.Millisecond); return wall },
	})
	return code, out.String(), errs.String()
}

func demoJSON(t *testing.T, args ...string) demoFigures {
	t.Helper()
	code, stdout, stderr := runDemo(t, t.Context(), false, append([]string{"--once", "--json"}, args...)...)
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var f demoFigures
	dec := json.NewDecoder(strings.NewReader(stdout))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		t.Fatal(err)
	}
	if rest := strings.TrimSpace(stdout[dec.InputOffset():]); rest != "" {
		t.Fatalf("more on stdout than the object: %q", rest)
	}
	return f
}

// holds checks what is true of the figures of every demo.
func consistent(t *testing.T, f demoFigures) {
	t.Helper()
	equal := func(name string, got, want int) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	equal("lost", f.Lost, 0)
	equal("doubled", f.Doubled, 0)
	equal("unmarked", f.Unmarked, 0)
	equal("messages", f.Messages, f.Delivered+f.Sent)
	equal("answered", f.Answered, f.Sent)
	equal("statuses", f.Open+f.Waiting+f.Closed, f.Conversations)
	var members, conversations int
	for _, b := range f.Mailboxes {
		conversations += b.Conversations
		for _, m := range append(b.Members, b.Nobody) {
			members += m.Open + m.Waiting + m.Closed
		}
		if b.Received == 0 {
			t.Errorf("%s received nothing", b.Address)
		}
	}
	equal("conversations by mailbox", conversations, f.Conversations)
	equal("conversations by member", members, f.Conversations)
	for name, p := range f.Providers {
		if p.RoundTrips == 0 || p.Requests < p.RoundTrips {
			t.Errorf("%s: %d requests in %d round trips", name, p.Requests, p.RoundTrips)
		}
		if h := f.Hooks[name]; h.Accepted == 0 || h.Refused+h.Unknown+h.Malformed+h.Failed > 0 {
			t.Errorf("the hook of %s: %+v", name, h)
		}
	}
	if f.Providers["gmail"].QuotaUnits == 0 {
		t.Error("no quota units")
	}
	if f.Latency.P50 <= 0 || f.Latency.P95 < f.Latency.P50 {
		t.Errorf("latency %+v", f.Latency)
	}
}

func TestDemoOnce(t *testing.T) {
	t.Parallel()
	f := demoJSON(t)
	consistent(t, f)
	if f.Delivered < 60 || f.Imported != len(oldMail) || f.Skipped != 0 || f.Unassigned != 0 {
		t.Errorf("%d delivered, %d imported, %d skipped, %d unassigned", f.Delivered, f.Imported, f.Skipped, f.Unassigned)
	}
	if f.Reopened < 5 || f.Escalated < 2 || f.Answered < 10 || f.Automated < 5 || f.Closed < 5 {
		t.Errorf("%d reopened, %d escalated, %d answered, %d automated, %d closed", f.Reopened, f.Escalated, f.Answered, f.Automated, f.Closed)
	}
}

func TestDemoCorpora(t *testing.T) {
	t.Parallel()
	corpora := filepath.Join("..", "..", "..", "shared", "corpora")
	files := 0
	err := filepath.WalkDir(corpora, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files++
		}
		return err
	})
	if err != nil {
		t.Skip("the corpora are not there: ", err)
	}
	f := demoJSON(t, "--mail", corpora)
	consistent(t, f)
	if f.Delivered+f.Skipped < files {
		t.Errorf("%d delivered and %d skipped of %d files", f.Delivered, f.Skipped, files)
	}
	for _, s := range f.SkippedFiles {
		if mailName(s.File) {
			t.Errorf("%s was skipped: %s", s.File, s.Why)
		}
	}
	if a, b := f.Mailboxes[0].Received, f.Mailboxes[1].Received; a-b > 1 || b-a > 1 {
		t.Errorf("%d and %d mails: not in turn", a, b)
	}
}

var sgr = regexp.MustCompile("\x1b\\[[0-9]*m")

func TestDemoStory(t *testing.T) {
	t.Parallel()
	code, got, stderr := runDemo(t, t.Context(), false, "--once")
	if code != exitOK || stderr != "" {
		t.Fatalf("exit code %d, stderr %q", code, stderr)
	}
	if _, again, _ := runDemo(t, t.Context(), false, "--once"); again != got {
		t.Error("a second run told another story")
	}
	_, coloured, _ := runDemo(t, t.Context(), true, "--once")
	if plain := sgr.ReplaceAllString(coloured, ""); plain != got || coloured == got {
		t.Error("colours change more than the colours, or nothing")
	}
	line := regexp.MustCompile(`^\d\d:\d\d  (support|hello  )  (\S| {13,15}\S)`)
	story, _, _ := strings.Cut(got, "\n\nContoso Support")
	for l := range strings.Lines(got) {
		if n := cells(strings.TrimSuffix(l, "\n")); n > storyWidth {
			t.Errorf("%d columns: %s", n, l)
		}
	}
	_, story, _ = strings.Cut(story, "2 March 2026\n")
	for i, l := range strings.Split(story, "\n") {
		if !line.MatchString(l) {
			t.Errorf("line %d of the day begins otherwise: %s", i+1, l)
		}
	}
	golden := filepath.Join("testdata", "demo", "story.txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the story differs from %s (-update writes it anew):\n%s", golden, firstDifference(got, string(want)))
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d\n got %s\nwant %s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

func writeMail(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestDemoHostileMail(t *testing.T) {
	t.Parallel()
	dir := writeMail(t, map[string]string{
		"a.eml": "From: =?utf-8?B?" + "G10wO293bmVkBxtbMkrigK5ldmls" + "?= <x@example.com>\r\nSubject: raw \x1b[2J\x1b]0;owned\x07 \u202eright\u202c \u2066x " +
			"Z" + strings.Repeat("\u0301", 500) + " \u2028 end\r\nContent-Language: \x1b[31m\r\n\r\nx",
		"b.eml": "From: a@example.com\r\nSubject: " + strings.Repeat("\u05e9\u05dc\u05d5\u05dd ", 60) + "\r\nList-Id: \x1b[5m\r\n\r\nx",
	})
	code, stdout, stderr := runDemo(t, t.Context(), false, "--once", "--mail", dir)
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	depth, marks := 0, 0
	for _, r := range stdout {
		switch {
		case r == '\n':
			if depth != 0 {
				t.Fatal("an isolate does not end on its line")
			}
		case r == '\u2068':
			depth++
		case r == '\u2069':
			depth--
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028':
			t.Fatalf("%U reached the terminal", r)
		}
		if marks++; !unicode.Is(unicode.M, r) {
			marks = 0
		}
		if depth < 0 || marks > maxMarks {
			t.Fatalf("depth %d, %d marks in a row", depth, marks)
		}
	}
	for l := range strings.Lines(stdout) {
		if n := cells(strings.TrimSuffix(l, "\n")); n > storyWidth {
			t.Errorf("%d columns: %s", n, l)
		}
	}
	if !strings.Contains(stdout, "owned") || !strings.Contains(stdout, "\u2068שלום") {
		t.Errorf("the mails are not told of:\n%s", stdout)
	}
}

func TestDemoReadsWhatMailIsKeptIn(t *testing.T) {
	t.Parallel()
	one := "From: a@example.com\nSubject: one\n\nx\n"
	dir := writeMail(t, map[string]string{
		"archive":          "From a@example.com Mon Mar  2 08:00:00 2026\n" + one + "\nFrom b@example.com Mon Mar  2 09:00:00 2026\n" + one,
		"new/1700.M1":      one,
		"notes.txt":        "Just a note\n",
		"empty":            "",
		"broken.eml":       "nothing of a mail",
		"deep/er/mail.eml": one,
	})
	single := writeMail(t, map[string]string{"single": one})
	f := demoJSON(t, "--mail", dir, "--mail", filepath.Join(single, "single"))
	consistent(t, f)
	if f.Delivered != 6 || f.Skipped != 2 || len(f.SkippedFiles) != 2 {
		t.Errorf("%d delivered, skipped %+v", f.Delivered, f.SkippedFiles)
	}
}

func TestDemoMisuse(t *testing.T) {
	t.Parallel()
	dir := writeMail(t, map[string]string{"notes.txt": "no mail\n"})
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--mail", filepath.Join(dir, "nowhere")}, exitFailed, "no such file"},
		{[]string{"--once", "--mail", dir}, exitFailed, "no mail in what was named"},
		{[]string{"--speed=-1"}, exitMisused, "--speed -1"},
		{[]string{"--speed", "NaN"}, exitMisused, "--speed NaN"},
	} {
		code, stdout, stderr := runDemo(t, t.Context(), false, append(test.args, "--json")...)
		if code != test.code || stdout != "" || !strings.Contains(stderr, test.says) {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", test.args, code, stdout, stderr)
		}
	}
}

func TestDemoInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code, stdout, stderr := runDemo(t, ctx, false, "--once")
	if code != exitFailed || !strings.Contains(stderr, "interrupted") || !strings.Contains(stdout, "0 lost, 0 doubled") {
		t.Errorf("--once: exit code %d, stderr %q", code, stderr)
	}
	code, stdout, stderr = runDemo(t, ctx, false)
	if code != exitOK || stderr != "" || !strings.Contains(stdout, "0 lost, 0 doubled") {
		t.Errorf("going on until Ctrl-C: exit code %d, stderr %q", code, stderr)
	}
}

// TestDemoSecondDay plays the mails of later days, which must be new ones to both vendors.
func TestDemoSecondDay(t *testing.T) {
	t.Parallel()
	d := newTestDemo(t)
	for _, prefix := range []string{"", "day2.", "day3."} {
		if prefix != "" {
			d.world.clock.AdvanceTo(d.world.clock.Now().Truncate(24 * time.Hour).Add(31 * time.Hour))
		}
		if err := d.playOwn(prefix); err != nil {
			t.Fatal(err)
		}
		if err := d.evening(); err != nil {
			t.Fatal(err)
		}
	}
	f, err := d.story.figures(d.ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	consistent(t, f)
	for _, b := range d.world.boxes {
		if len(b.arrived) > 0 {
			t.Errorf("%s: %d mails never had their markers", b.id, len(b.arrived))
		}
	}
	if f.Delivered < 3*60 || f.Reopened < 3*5 || f.Open > 5 {
		t.Errorf("%d delivered, %d reopened in three days, %d open after the evening", f.Delivered, f.Reopened, f.Open)
	}
}

func newTestDemo(t *testing.T) *demo {
	t.Helper()
	m, err := manifest.Parse("demo.yaml", templates.DemoManifest())
	if err != nil {
		t.Fatal(err)
	}
	var log, out bytes.Buffer
	w, err := newDemoWorld(m, demoStart, time.Now, &log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if log.Len() > 0 {
			t.Errorf("logged: %s", log.String())
		}
	})
	d := &demo{
		app: &app{ctx: t.Context(), stdout: &out, stderr: &out, now: time.Now}, command: &demoCommand{Once: true},
		world: w, story: newDemoStory(&out, false, w), ctx: t.Context(), rand: rand.New(rand.NewPCG(1, 2)),
	}
	if err := d.begin(nil); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDemoCountsWhatIsWrong shows that lost and doubled are found, not assumed to be none.
func TestDemoCountsWhatIsWrong(t *testing.T) {
	t.Parallel()
	d := newTestDemo(t)
	b := d.world.boxes[0]
	raw := []byte("From: a@example.com\r\nSubject: x\r\n\r\nx")
	id, err := d.story.deliver(b, raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.world.settle(d.ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := d.story.deliver(b, raw); err != nil { // nobody reads it
		t.Fatal(err)
	}
	c, err := d.world.of(d.ctx, b, id)
	if err != nil {
		t.Fatal(err)
	}
	again := inbox.Event{Seq: c.Seq + 1, At: c.Changed, Kind: inbox.EventReceived, By: inbox.ByCustomer, Message: id, Mail: &inbox.Mail{Direction: inbox.In, At: c.Changed, Place: inbox.Inbox}}
	if err := d.world.store.Store.Commit(d.ctx, b.id, []pipeline.Unit{{Conversation: c.With(again), Expect: c.Seq, Events: []inbox.Event{again}}}); err != nil {
		t.Fatal(err)
	}
	if err := d.world.sim.Graph.SetCategories(string(b.id), string(id), "Closed"); err != nil {
		t.Fatal(err)
	}
	f, err := d.story.figures(d.ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if f.Lost != 1 || f.Doubled != 1 || f.Unmarked != 1 || f.verdict() == nil {
		t.Errorf("%d lost, %d doubled, %d unmarked, verdict %v", f.Lost, f.Doubled, f.Unmarked, f.verdict())
	}
}
