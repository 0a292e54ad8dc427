package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/mail"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/templates"
)

type demoCommand struct {
	Mail  []string `placeholder:"DIR|FILE" sep:"none" help:"Mail to play instead of the demo's own: .eml files, mboxes, or directories of them. May be repeated."`
	Once  bool     `help:"End when all mail is in, instead of going on until Ctrl-C."`
	JSON  bool     `name:"json" help:"Print one JSON object with the figures at the end instead of the story, and nothing else on stdout."`
	Speed float64  `placeholder:"N" help:"Play N times faster than a pace to read along. Without it, --once does not wait at all."`
}

// Help is the long help.
func (c *demoCommand) Help() string {
	return `A team works one Microsoft 365 and one Gmail mailbox. Both vendors are simulated in this process and speak their real
HTTP; the clients, the hooks that take their notifications, the queue and the pipeline are those of production. The clock
of the story is simulated too.

Examples:
  postroom demo                          the story at a pace to read along, until Ctrl-C
  postroom demo --once                   all of it at once, then the tables
  postroom demo --speed 5                five times faster
  postroom demo --once --mail ~/Mail     your own mail through both mailboxes, alternating
  postroom demo --once --json            the figures only

The figures: lost and doubled compare every message that the simulated mailboxes hold with the conversations in the store.
Latency is real time on this machine, from a mail's arrival to the moment all its markers are set. The command fails
when a message was lost or doubled.`
}

// demoStart is when the story begins, a quiet Monday before the first mail: 08:00 in the demo's time zone.
var demoStart = time.Date(2026, time.March, 2, 7, 0, 0, 0, time.UTC)

// errInterrupted ends a demo that --once has promised to bring to its end.
var errInterrupted = errors.New("demo: interrupted before all mail was in")

// Validate is asked while the command line is read.
func (c *demoCommand) Validate() error {
	if !(c.Speed >= 0) || c.Speed > 1e6 {
		return fmt.Errorf("--speed %v: how many times faster is a number above 0", c.Speed)
	}
	return nil
}

// Run plays the demo.
func (c *demoCommand) Run(a *app) error {
	if err := checkMail(c.Mail); err != nil {
		return err
	}
	m, err := manifest.Parse("demo.yaml", templates.DemoManifest())
	if err != nil {
		return err
	}
	w, err := newDemoWorld(m, demoStart, a.now, a.stderr)
	if err != nil {
		return err
	}
	out := a.stdout
	if c.JSON {
		out = io.Discard
	}
	d := &demo{
		app: a, command: c, world: w, story: newDemoStory(out, a.tty && !c.JSON, w),
		// What has begun is brought to its end, so that a table after Ctrl-C is of a world at rest.
		ctx:  context.WithoutCancel(a.ctx),
		rand: rand.New(rand.NewPCG(2026, 3)),
	}
	return d.run()
}

// demo is one run of the command.
type demo struct {
	app     *app
	command *demoCommand
	world   *demoWorld
	story   *demoStory
	ctx     context.Context
	rand    *rand.Rand

	skipped []skippedFile
	ids     map[string]inbox.MessageID // of the demo's own mail, by its file
	moves   int                        // that the crew has made
}

func (d *demo) run() error {
	d.story.title(d.command.Mail, d.command.Once)
	err := d.play()
	if stopped := errors.Is(err, errInterrupted); err != nil && !stopped {
		return err
	}
	interrupted := err
	if err := d.rest(); err != nil {
		return err
	}
	f, err := d.story.figures(d.ctx, d.skipped)
	if err != nil {
		return err
	}
	d.clearProgress()
	if d.command.JSON {
		if err := writeJSON(d.app.stdout, f); err != nil {
			return err
		}
	} else {
		d.story.tables(f)
	}
	return errors.Join(f.verdict(), interrupted)
}

// play is the whole story. It is errInterrupted when it had to stop in the middle of what was asked for.
func (d *demo) play() error {
	var err error
	if len(d.command.Mail) > 0 {
		if err = d.begin(nil); err == nil {
			err = d.playGiven()
		}
	} else {
		if err = d.begin(d.story.old); err == nil {
			err = d.playOwn("")
		}
	}
	if d.command.Once || err != nil && !errors.Is(err, errInterrupted) {
		return err
	}
	for day := 2; err == nil; day++ { // until Ctrl-C
		if err = d.evening(); err != nil {
			break
		}
		d.world.clock.AdvanceTo(demoStart.AddDate(0, 0, day-1))
		err = d.playOwn(fmt.Sprintf("day%d.", day))
	}
	if errors.Is(err, errInterrupted) {
		return nil // that is how it ends
	}
	return err
}

// begin opens the mailboxes for Postroom: old is put into them, the watches are made, and all is read once.
func (d *demo) begin(old func() error) error {
	if old != nil {
		if err := old(); err != nil {
			return err
		}
	}
	d.world.tick(d.ctx)
	return d.world.settle(d.ctx)
}

// rest lets the clock go on until every mailbox has been swept once more, which heals what a lost notification left.
func (d *demo) rest() error {
	d.world.clock.Advance(demoSweep + time.Minute)
	d.world.tick(d.ctx)
	return d.world.settle(d.ctx)
}

// at moves the clock to a time of the story and does what the clock calls for.
func (d *demo) at(t time.Time) error {
	d.world.clock.Advance(2 * time.Second) // Gmail tells of changes at most once a second
	d.world.clock.AdvanceTo(t)
	d.world.tick(d.ctx)
	return d.world.settle(d.ctx)
}

// Pauses between the lines of the story, at a pace to read along.
const (
	mailPause = 1400 * time.Millisecond
	movePause = 1100 * time.Millisecond
)

// pause waits, unless the story is to be played as fast as it goes. It is errInterrupted after Ctrl-C.
func (d *demo) pause(length time.Duration) error {
	speed := d.command.Speed
	if d.app.ctx.Err() != nil {
		return errInterrupted
	}
	if speed == 0 {
		if d.command.Once {
			return nil
		}
		speed = 1
	}
	timer := time.NewTimer(time.Duration(float64(length) / speed))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-d.app.ctx.Done():
		return errInterrupted
	}
}

// arrive delivers a mail and remembers what the story tells of it.
func (s *demoStory) arrive(b *demoBox, raw []byte) error {
	_, err := s.deliver(b, raw)
	return err
}

func (s *demoStory) deliver(b *demoBox, raw []byte) (inbox.MessageID, error) {
	id, err := s.world.deliver(b, raw)
	if err != nil {
		return "", err
	}
	if m, err := mail.ParseHeader(raw); err == nil {
		if l := m.Get("Content-Language"); l != "" {
			s.language[id] = l
		}
	}
	return id, nil
}

// old fills the mailboxes with the mail that was there before Postroom.
func (s *demoStory) old() error {
	for i, m := range oldMail {
		b := s.world.at(m.to)
		at := s.world.clock.Now().AddDate(0, 0, -m.days)
		if err := s.world.deliverOld(b, oldRaw(i, b.id, at), at); err != nil {
			return err
		}
	}
	return nil
}
