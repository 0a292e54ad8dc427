package main

import (
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/provision"
)

// TestChangesTold: in the words of the plan, each once; an entry of before there were words is told too.
func TestChangesTold(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	e := provision.Entry{
		Key: "1", At: at, By: "anna@laptop", Stage: provision.Done, Verb: provision.Add,
		Fact: provision.Fact{Aspect: provision.SendAs, Subject: "bo@contoso.com"}, What: "let bo@contoso.com answer as the mailbox", Why: "a member",
	}
	old, begun, failed, drift := e, e, e, e
	old.What, old.After = "", "x"
	begun.Key, begun.Stage = "2", provision.Begun
	failed.Key, failed.Stage, failed.Says = "3", provision.Failed, "a member" // the same words as why it was wanted
	drift.Key, drift.Stage, drift.What, drift.Says = "4", provision.Drifted, "", e.What
	for name, c := range map[string]struct {
		entry provision.Entry
		want  string
	}{
		"done":   {e, "anna@laptop: let bo@contoso.com answer as the mailbox\nbecause a member\n"},
		"old":    {old, "anna@laptop: add send-as bo@contoso.com: x\nbecause a member\n"},
		"begun":  {begun, "anna@laptop began and has not ended: let bo@contoso.com answer as the mailbox\nbecause a member\n"},
		"failed": {failed, "anna@laptop failed: let bo@contoso.com answer as the mailbox\nbecause a member\na member\n"},
		"drift":  {drift, "found different from the manifest; planned: let bo@contoso.com answer as the mailbox\nbecause a member\n"},
	} {
		var out strings.Builder
		if err := tellChanges(&out, []provision.Entry{c.entry}, time.UTC); err != nil {
			t.Fatal(err)
		}
		got := ""
		for line := range strings.Lines(out.String()) {
			line = strings.TrimPrefix(line, at.Format(clockLayout))
			got += strings.TrimLeft(line, " ")
		}
		if got != c.want {
			t.Errorf("%s: got\n%swant\n%s", name, got, c.want)
		}
	}
}
