package main

import (
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/templates"
)

// deliverDemoMail puts the demo's mail into the simulated mailboxes, so that there is something to work.
func deliverDemoMail(world *boot.Simulation, m *manifest.Manifest, now time.Time) error {
	mail := templates.DemoMail()
	for _, mb := range m.Mailboxes() {
		files, err := fs.Glob(mail, string(mb.Provider)+"/*.eml")
		if err != nil {
			return err
		}
		for _, file := range files {
			raw, err := fs.ReadFile(mail, file)
			if err != nil {
				return err
			}
			address := string(mb.Policy.Mailbox)
			if mb.Provider == manifest.Gmail {
				_, err = world.Gmail.ReceiveAt(address, raw, now, "INBOX", "UNREAD")
			} else {
				_, err = world.Graph.ReceiveAt(address, "inbox", raw, now, false)
			}
			if err != nil {
				return fmt.Errorf("deliver %s: %w", path.Base(file), err)
			}
		}
	}
	return nil
}
