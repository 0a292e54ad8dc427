//go:build unix

package bolt_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/bolt"
)

// childFile names the file that a child process of the test shall write to until it is killed.
const childFile = "POSTROOM_TEST_BOLT_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(path))
		os.Exit(1)
	}
	if path := os.Getenv(childLock); path != "" {
		fmt.Fprintln(os.Stderr, lockUntilKilled(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const (
	commitsA = inbox.MailboxID("a@contoso.com")
	commitsB = inbox.MailboxID("b@contoso.com")
)

// writeUntilKilled commits conversation after conversation to two mailboxes, settles every other one's action, and
// lets hints through the queue. It says on its output what is done, each time after the call has returned.
func writeUntilKilled(path string) error {
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		return err
	}
	ctx := context.Background()
	p, err := db.Mailbox(ctx, commitsA)
	if err != nil {
		return err
	}
	for n := int(p.Version); ; n++ {
		// Two units of one commit, then the same for the other mailbox.
		for _, mailbox := range []inbox.MailboxID{commitsA, commitsB} {
			list, err := db.Conversations(ctx, mailbox, []inbox.ConversationID{coretest.Arrival(mailbox, 2*n).Conversation.ID})
			if err != nil {
				return err
			}
			if len(list) > 0 { // the life before got this far and no farther
				continue
			}
			if err := db.Commit(ctx, mailbox, []pipeline.Unit{coretest.Arrival(mailbox, 2*n), coretest.Arrival(mailbox, 2*n+1)}); err != nil {
				return err
			}
			fmt.Printf("commit %s %d\n", mailbox, n)
		}
		u := coretest.Arrival(commitsA, 2*n)
		u.Joined[0].State.Markers = []inbox.Marker{"@Member"}
		if err := db.Settle(ctx, commitsA, []string{u.Actions[0].Key}, u.Joined); err != nil {
			return err
		}
		fmt.Printf("settle %s %d\n", commitsA, n)
		if err := db.Enqueue(ctx, pipeline.Hint{Mailbox: inbox.MailboxID(fmt.Sprintf("%d@contoso.com", n)), Source: "tick", At: opened}); err != nil {
			return err
		}
		fmt.Printf("enqueue q %d\n", n)
		p.Cursor, p.Version = inbox.Cursor(fmt.Sprint(n)), int64(n)
		if err := db.SaveProgress(ctx, commitsA, p); err != nil {
			return err
		}
		fmt.Printf("progress %s %d\n", commitsA, n)
	}
}

// TestKill kills a writing process at random moments, again and again on one file, and holds that everything it was
// told is done is there, and nothing half.
func TestKill(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "postroom.db")
	random := rand.New(rand.NewPCG(7, 11))
	said := map[string]int{} // the last number that was said of each thing
	lives := 12
	if testing.Short() {
		lives = 3
	}
	for life := range lives {
		child := exec.Command(exe)
		child.Env = append(os.Environ(), childFile+"="+path)
		var stderr strings.Builder
		child.Stderr = &stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for left := 1 + random.IntN(60); left > 0 && lines.Scan(); left-- {
			note(t, said, lines.Text())
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what it could say before it died counts
			note(t, said, lines.Text())
		}
		if err := child.Wait(); err == nil || stderr.Len() > 0 {
			t.Fatalf("life %d ended by itself: %v %s", life, err, stderr.String())
		}
		verify(t, path, said)
	}
	if said["commit "+string(commitsA)] < lives {
		t.Errorf("only %v was written in %d lives", said, lives)
	}
}

func note(t *testing.T, said map[string]int, line string) {
	t.Helper()
	i := strings.LastIndexByte(line, ' ')
	var n int
	if _, err := fmt.Sscan(line[i+1:], &n); err != nil || strings.Count(line, " ") != 2 {
		t.Fatalf("the child said %q", line)
	}
	said[line[:i]] = max(said[line[:i]], n)
}

func verify(t *testing.T, path string, said map[string]int) {
	t.Helper()
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	ctx := context.Background()
	fatal := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, mailbox := range []inbox.MailboxID{commitsA, commitsB} {
		list, err := db.List(ctx, mailbox, "", 0)
		fatal(err)
		team, err := db.Team(ctx, mailbox)
		fatal(err)
		pending, err := db.Pending(ctx, mailbox, 0)
		fatal(err)
		last, any := said["commit "+string(mailbox)]
		if any && len(list) < 2*(last+1) {
			t.Errorf("%s: commit %d returned, but there are %d conversations", mailbox, last, len(list))
		}
		if len(list)%2 != 0 || len(list) > 2*(last+2) {
			t.Errorf("%s: %d conversations after commit %d", mailbox, len(list), last)
		}
		open := 0
		for _, n := range team.Open {
			open += n
		}
		if open != len(list) {
			t.Errorf("%s: the team has %d, there are %d conversations", mailbox, open, len(list))
		}
		unsettled := map[string]bool{}
		for _, a := range pending {
			unsettled[a.Key] = true
		}
		for n := range len(list) {
			whole(t, db, coretest.Arrival(mailbox, n), mailbox == commitsA && n%2 == 0, unsettled)
		}
		if settled, ok := said["settle "+string(mailbox)]; ok && unsettled[coretest.Arrival(mailbox, 2*settled).Actions[0].Key] {
			t.Errorf("%s: settling %d returned, but its action is pending", mailbox, settled)
		}
		if len(unsettled) > len(list) {
			t.Errorf("%s: %d actions of %d conversations", mailbox, len(unsettled), len(list))
		}
	}
	p, err := db.Mailbox(ctx, commitsA)
	fatal(err)
	if last, ok := said["progress "+string(commitsA)]; ok && p.Version < int64(last)+1 {
		t.Errorf("saving progress %d returned, but the version is %d", last, p.Version)
	}
	hints := 0
	for { // nothing is ever done with them, so all are there, in their order, and wait again
		b, ok, err := db.Receive(ctx, opened)
		fatal(err)
		if !ok {
			break
		}
		if want := inbox.MailboxID(fmt.Sprintf("%d@contoso.com", hints)); b.Mailbox != want {
			t.Errorf("a batch of %s, want %s", b.Mailbox, want)
		}
		hints++
	}
	if last, ok := said["enqueue q"]; ok && hints < last+1 {
		t.Errorf("enqueueing %d returned, but there are %d hints", last, hints)
	}
}

// whole holds that all that a unit says is there, and that its action is pending exactly when its message does not yet
// carry the marker.
func whole(t *testing.T, db *bolt.DB, u pipeline.Unit, maySettle bool, unsettled map[string]bool) {
	t.Helper()
	ctx, c, m := context.Background(), u.Conversation, u.Joined[0]
	conversations, err1 := db.Conversations(ctx, c.Mailbox, []inbox.ConversationID{c.ID})
	timeline, err2 := db.Timeline(ctx, c.Mailbox, c.ID, 0, 0)
	known, err3 := db.Known(ctx, c.Mailbox, []inbox.MessageID{m.ID})
	messages, err4 := db.Messages(ctx, c.Mailbox, c.ID, "", 0)
	threads, err5 := db.Threads(ctx, c.Mailbox, []inbox.ThreadID{c.Thread})
	by, err6 := db.Handled(ctx, c.Mailbox, []inbox.Address{c.Customer.Address})
	for _, err := range []error{err1, err2, err3, err4, err5, err6} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if conversations[c.ID].Seq != 2 || len(timeline) != 2 || len(messages) != 1 || len(threads[c.Thread]) != 1 || len(by) != 1 {
		t.Errorf("%s: half of conversation %s: %d conversations, %d events, %d messages, %d threads, %d handled", c.Mailbox, c.ID,
			len(conversations), len(timeline), len(messages), len(threads[c.Thread]), len(by))
	}
	marked := len(known[m.ID].State.Markers) > 0
	if marked == unsettled[u.Actions[0].Key] || marked && !maySettle {
		t.Errorf("%s: message %s is marked: %v, its action pending: %v", c.Mailbox, m.ID, marked, unsettled[u.Actions[0].Key])
	}
}
