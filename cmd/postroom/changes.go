package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/infra/bolt"
)

// changesPage bounds what of a journal is read at once.
const changesPage = 500

// changes tells the timeline of what was provisioned: at a mailbox, or at the tenant, whose address is empty.
func (c *whyCommand) changes(a *app, m *manifest.Manifest, mailbox inbox.MailboxID) error {
	path := filepath.Join(c.Data, provisionName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no %s: nothing was applied from this directory; name the one that apply was given with --data", path)
	}
	journal, err := bolt.OpenProvision(path)
	if err != nil {
		return err
	}
	all, err := entries(a.ctx, journal, mailbox)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(a.stdout, struct {
			Mailbox inbox.MailboxID   `json:"mailbox"`
			Changes []provision.Entry `json:"changes"`
		}{mailbox, append([]provision.Entry{}, all...)})
	}
	who := string(mailbox)
	if mailbox == "" {
		who = "the tenant"
	}
	if _, err := fmt.Fprintf(a.stdout, "changes to %s\n\n", printable(who, maxShown)); err != nil {
		return err
	}
	if len(all) == 0 {
		_, err := fmt.Fprintln(a.stdout, "none were made from here")
		return err
	}
	return tellChanges(a.stdout, all, m.Location)
}

func entries(ctx context.Context, journal provision.Journal, mailbox inbox.MailboxID) (all []provision.Entry, err error) {
	for cursor := ""; ; {
		page, next, err := journal.Entries(ctx, mailbox, cursor, changesPage)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if next == "" {
			return all, nil
		}
		cursor = next
	}
}

// tellChanges tells each change once it has ended: who did what, and below it why. One that began and has not ended was
// interrupted, or is under way.
func tellChanges(w io.Writer, all []provision.Entry, location *time.Location) error {
	ended := map[string]bool{}
	for _, e := range all {
		if e.Stage == provision.Done || e.Stage == provision.Failed {
			ended[e.Key] = true
		}
	}
	for _, e := range all {
		if e.Stage == provision.Begun && ended[e.Key] {
			continue
		}
		clock := e.At.In(location).Format(clockLayout)
		if _, err := fmt.Fprintf(w, "%s  %s\n", clock, changeTold(e)); err != nil {
			return err
		}
		says := e.Says
		if e.Stage == provision.Drifted {
			says = "" // it is the sentence
		}
		for _, more := range []struct{ lead, text string }{{"because ", e.Why}, {"", says}} {
			if more.text == "" {
				continue
			}
			if _, err := fmt.Fprintf(w, "%*s  %s%s\n", len(clock), "", more.lead, printable(more.text, maxShown)); err != nil {
				return err
			}
		}
	}
	return nil
}

// changeTold is one entry as a sentence, in the words that the plan had for it.
func changeTold(e provision.Entry) string {
	who, what := printable(e.By, maxShown), printable(e.What, maxShown)
	switch {
	case what != "":
	case e.Stage == provision.Drifted:
		what = printable(e.Says, maxShown)
	default:
		what = bareChange(e)
	}
	switch e.Stage {
	case provision.Begun:
		return who + " began and has not ended: " + what
	case provision.Failed:
		return who + " failed: " + what
	case provision.Drifted:
		return "found different from the manifest; planned: " + what
	}
	return who + ": " + what
}

// bareChange is what an entry without words changed.
func bareChange(e provision.Entry) string {
	what := fmt.Sprintf("%s %s", e.Verb, printable(string(e.Fact.Aspect), maxShown))
	if e.Fact.Subject != "" {
		what += " " + printable(e.Fact.Subject, maxShown)
	}
	switch {
	case e.Before != "" && e.After != "":
		what += fmt.Sprintf(": %s → %s", printable(e.Before, maxShown), printable(e.After, maxShown))
	case e.After != "":
		what += ": " + printable(e.After, maxShown)
	case e.Before != "":
		what += ", was " + printable(e.Before, maxShown)
	}
	return what
}
