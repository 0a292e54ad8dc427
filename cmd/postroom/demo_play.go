package main

import (
	"bytes"
	"fmt"
	"regexp"
	"time"

	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/templates"
)

// playOwn plays the demo's own mail and the script. On later days the message ids get a prefix, so that the mails are new
// ones.
func (d *demo) playOwn(prefix string) error {
	scenes, err := ownScenes(templates.DemoMail())
	if err != nil {
		return err
	}
	shift := time.Duration(0)
	if prefix != "" {
		shift = d.world.clock.Now().Truncate(24 * time.Hour).Sub(demoStart.Truncate(24 * time.Hour))
	}
	d.ids = map[string]inbox.MessageID{}
	for _, sc := range scenes {
		if err := d.at(sc.at.Add(shift)); err != nil {
			return err
		}
		if sc.raw == nil {
			if err := d.moveScripted(sc); err != nil {
				return fmt.Errorf("%s: %w", sc.file, err)
			}
		} else {
			id, err := d.story.deliver(d.world.at(sc.provider()), renewed(sc.raw, prefix))
			if err != nil {
				return fmt.Errorf("%s: %w", sc.file, err)
			}
			d.ids[sc.file] = id
		}
		if err := d.world.settle(d.ctx); err != nil {
			return err
		}
		pause := mailPause
		if sc.raw == nil {
			pause = movePause
		}
		if err := d.pause(pause); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) moveScripted(sc scene) error {
	b := d.world.at(sc.provider())
	c, err := d.world.of(d.ctx, b, d.ids[sc.file])
	if err != nil {
		return err
	}
	by := sc.by
	if by == owner {
		by = c.Owner
	}
	if c.Status == inbox.Closed || sc.does == moveClaim && c.Owner == by {
		return nil // on later days it can be done already
	}
	member, _ := b.member(by)
	return d.story.move(d.ctx, b, c, sc.does, member)
}

// idField finds the fields of a header that hold message ids.
var idField = regexp.MustCompile(`(?im)^(Message-ID|In-Reply-To|References):(?:[^\r\n]|\r?\n[ \t])*`)

// renewed makes another mail of one of the demo's own: every message id in its header gets the prefix.
func renewed(raw []byte, prefix string) []byte {
	if prefix == "" {
		return raw
	}
	head, body, found := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !found {
		return raw
	}
	head = idField.ReplaceAllFunc(head, func(field []byte) []byte {
		return bytes.ReplaceAll(field, []byte("<"), []byte("<"+prefix))
	})
	return bytes.Join([][]byte{head, body}, []byte("\r\n\r\n"))
}

// How mail that somebody gives comes in: in bursts when nobody reads along, one by one otherwise.
const (
	givenBurst   = 10
	givenSpacing = 30 * time.Second
)

// playGiven plays the mail of --mail, over the mailboxes in turn, with the team at work.
func (d *demo) playGiven() error {
	burst := 1
	if d.command.Once && d.command.Speed == 0 {
		burst = givenBurst
	}
	waiting, n := 0, 0
	now := demoStart
	for given := range readMail(d.command.Mail) {
		if given.skip == "" {
			b := d.world.boxes[n%len(d.world.boxes)]
			if waiting == 0 {
				if err := d.at(now); err != nil {
					return err
				}
			}
			if _, err := d.story.deliver(b, given.raw); err != nil {
				given.skip = err.Error()
			}
		}
		if given.skip != "" {
			d.skip(given)
			continue
		}
		n++
		waiting++
		now = now.Add(givenSpacing)
		d.world.clock.AdvanceTo(now)
		if waiting == burst {
			if err := d.burst(waiting); err != nil {
				return err
			}
			waiting = 0
			d.progress(n)
			if err := d.pause(mailPause); err != nil {
				return err
			}
		}
	}
	if err := d.burst(waiting); err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("--mail: no mail in what was named (%d files looked at); a mail begins with its header, an mbox with \"From \"", len(d.skipped))
	}
	return nil
}

// burst lets what has arrived take its way, and then the team make as many moves, and more of them where work has
// piled up.
func (d *demo) burst(n int) error {
	if err := d.world.settle(d.ctx); err != nil {
		return err
	}
	for _, b := range d.world.boxes {
		for extra := 0; extra < n && len(d.story.open[b.id].order) > 2*len(b.policy.Members); extra++ {
			if _, err := d.work(b); err != nil {
				return err
			}
		}
	}
	for ; n > 0; n-- {
		b := d.world.boxes[d.moves%len(d.world.boxes)]
		d.moves++
		does, err := d.work(b)
		if err == nil && does == moveClaim {
			_, err = d.work(b) // a claim takes nothing off the pile
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// evening lets the team deal with all that is open, so that the next day begins with room.
func (d *demo) evening() error {
	for _, b := range d.world.boxes {
		for range 2 * len(d.story.open[b.id].order) { // a claim leaves it open
			if len(d.story.open[b.id].order) == 0 {
				break
			}
			if _, err := d.work(b); err != nil {
				return err
			}
			if err := d.pause(movePause); err != nil {
				return err
			}
		}
	}
	return nil
}

// work lets somebody of a mailbox's team do one thing with a conversation that is open: the longest open one mostly.
func (d *demo) work(b *demoBox) (moveKind, error) {
	list := d.story.open[b.id].order
	if len(list) == 0 {
		return moveAway, nil
	}
	at := 0
	if len(list) > 3 && d.rand.IntN(3) == 0 {
		at = d.rand.IntN(len(list))
	}
	c, err := d.world.conversation(d.ctx, b, list[at])
	if err != nil {
		return moveAway, err
	}
	member, ok := b.member(c.Owner)
	if !ok {
		member = b.policy.Members[d.rand.IntN(len(b.policy.Members))]
	}
	does := []moveKind{moveAnswer, moveClose, moveAnswer, moveArchive, moveAnswerAs, moveClose, moveAnswer, moveClaim}[d.rand.IntN(8)]
	if (c.LastIn.IsZero() || c.Customer.Address == "") && (does == moveAnswer || does == moveAnswerAs) {
		does = moveArchive // nobody answers a machine, and nobody can answer no one
	}
	if does == moveClaim {
		member = d.another(b, member)
	}
	d.world.clock.Advance(2 * time.Second)
	d.story.open[b.id].touched(c.ID)
	err = d.story.move(d.ctx, b, c, does, member)
	if err != nil && (does == moveAnswer || does == moveAnswerAs) {
		// Some mail cannot be answered, for its sender's address is none. Outlook and Gmail refuse it like this too.
		does, err = moveClose, d.story.move(d.ctx, b, c, moveClose, member)
	}
	if err != nil {
		return does, err
	}
	return does, d.world.settle(d.ctx)
}

// another member than this one.
func (d *demo) another(b *demoBox, not decide.Member) decide.Member {
	others := make([]decide.Member, 0, len(b.policy.Members))
	for _, m := range b.policy.Members {
		if m.ID != not.ID {
			others = append(others, m)
		}
	}
	if len(others) == 0 {
		return not
	}
	return others[d.rand.IntN(len(others))]
}

// maxSkipTold bounds how many skipped files are told one by one.
const maxSkipTold = 10

// skip tells of a file, or a mail of an mbox, that is not delivered.
func (d *demo) skip(g givenMail) {
	d.skipped = append(d.skipped, skippedFile{File: g.from, Why: g.skip})
	if len(d.skipped) <= maxSkipTold {
		d.clearProgress()
		fmt.Fprintf(d.app.stderr, "postroom: skipped %s: %s\n", neutral(g.from), neutral(g.skip))
	}
	if len(d.skipped) == maxSkipTold {
		fmt.Fprintln(d.app.stderr, "postroom: further files that are skipped are counted only; --json lists them all")
	}
}

// progress shows how far it is when nothing else does.
func (d *demo) progress(n int) {
	if d.app.tty && d.command.JSON {
		fmt.Fprintf(d.app.stderr, "\r%d mails are in", n)
	}
}

func (d *demo) clearProgress() {
	if d.app.tty && d.command.JSON {
		fmt.Fprint(d.app.stderr, "\r\x1b[K")
	}
}
