package main

import (
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/mail"
	"github.com/postroom/postroom/core/manifest"
)

// scriptedMove is what somebody does a while after a mail of the demo's own has come in. by is a member, or owner.
type scriptedMove struct {
	after string
	wait  time.Duration
	does  moveKind
	by    inbox.MemberID
}

// owner stands for whoever has the conversation at that time.
const owner inbox.MemberID = "*"

// script is the team's day. Together with the mails' own times it shows each thing once or twice: a claim, an answer that
// hands over, an answer nobody signed, closing by marker and by archiving, customers who come back, an out-of-office.
var script = []scriptedMove{
	{"m365/01", 20 * time.Minute, moveAnswer, owner},
	{"m365/02", 6 * time.Minute, moveClaim, "claire"},
	{"m365/02", 31 * time.Minute, moveAnswer, "claire"},
	{"m365/03", 26 * time.Minute, moveAnswer, "mads"},
	{"m365/05", 21 * time.Minute, moveAnswerAs, owner},
	{"m365/04", 44 * time.Minute, moveAnswer, owner},
	{"m365/06", 32 * time.Minute, moveAnswer, "yousef"},
	{"m365/07", 29 * time.Minute, moveArchive, owner},
	{"m365/09", 7 * time.Minute, moveAnswer, owner},
	{"m365/11", 4 * time.Minute, moveArchive, owner},
	{"m365/13", 23 * time.Minute, moveAnswer, owner},
	{"m365/15", 6 * time.Minute, moveAnswer, owner},
	{"m365/16", 5 * time.Minute, moveAnswer, "anna"},
	{"m365/16", 6 * time.Minute, moveAway, ""},
	{"m365/20", 5 * time.Minute, moveArchive, "haruka"},
	{"m365/22", 281 * time.Minute, moveClose, "haruka"},
	{"m365/24", 221 * time.Minute, moveAnswer, owner},
	{"m365/30", 11 * time.Minute, moveAnswer, owner},
	{"m365/33", 14 * time.Minute, moveClose, owner},
	{"m365/36", 13 * time.Minute, moveAnswer, owner},

	{"gmail/01", 18 * time.Minute, moveAnswer, "diego"},
	{"gmail/02", 34 * time.Minute, moveAnswer, owner},
	{"gmail/03", 9 * time.Minute, moveClaim, "claire"},
	{"gmail/03", 26 * time.Minute, moveAnswer, "claire"},
	{"gmail/04", 13 * time.Minute, moveAnswer, "zofia"},
	{"gmail/05", 30 * time.Minute, moveAnswer, owner},
	{"gmail/06", 9 * time.Minute, moveArchive, owner},
	{"gmail/07", 5 * time.Minute, moveClose, owner},
	{"gmail/11", 6 * time.Minute, moveArchive, owner},
	{"gmail/10", 20 * time.Minute, moveAnswer, owner},
	{"gmail/10", 70 * time.Minute, moveClose, owner},
	{"gmail/12", 21 * time.Minute, moveAnswer, owner},
	{"gmail/12", 22 * time.Minute, moveAway, ""},
	{"gmail/08", 244 * time.Minute, moveAnswer, "mads"},
	{"gmail/24", 16 * time.Minute, moveAnswer, owner},
	{"gmail/26", 9 * time.Minute, moveArchive, owner},
}

// scene is one thing of the story in its time: a mail that arrives, or a move.
type scene struct {
	at   time.Time
	file string // m365/01; of the mail that arrives, or of the conversation that is moved
	raw  []byte // of the mail; nil for a move
	does moveKind
	by   inbox.MemberID
}

// providerOf is where a file of the demo's own mail goes.
func (s scene) provider() manifest.Provider {
	if s.file[:len("m365")] == "m365" {
		return manifest.M365
	}
	return manifest.Gmail
}

// ownScenes puts the demo's mail and the script in order of time. Each mail arrives when it says it was written.
func ownScenes(mails fs.FS) ([]scene, error) {
	var out []scene
	arrives := map[string]time.Time{}
	for _, folder := range []string{"m365", "gmail"} {
		files, err := fs.ReadDir(mails, folder)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			raw, err := fs.ReadFile(mails, folder+"/"+f.Name())
			if err != nil {
				return nil, err
			}
			m, err := mail.ParseHeader(raw)
			if err != nil {
				return nil, fmt.Errorf("%s/%s: %w", folder, f.Name(), err)
			}
			file := folder + "/" + f.Name()[:2]
			arrives[file] = m.Date
			out = append(out, scene{at: m.Date, file: file, raw: raw})
		}
	}
	for _, m := range script {
		at, ok := arrives[m.after]
		if !ok {
			return nil, fmt.Errorf("the script names the mail %s, which is not there", m.after)
		}
		out = append(out, scene{at: at.Add(m.wait), file: m.after, does: m.does, by: m.by})
	}
	slices.SortStableFunc(out, func(a, b scene) int { return a.at.Compare(b.at) })
	return out, nil
}

// oldMail was in the mailboxes before Postroom came.
var oldMail = []struct {
	to      manifest.Provider
	from    string
	subject string
	days    int
}{
	{manifest.M365, "Karim Haddad <karim.haddad@example.org>", "Thank you for the quick repair", 12},
	{manifest.M365, "Elsa Lund <elsa.lund@example.net>", "Where can I have my machine serviced?", 9},
	{manifest.M365, "Pavel Horak <pavel.horak@example.com>", "Refund for order 20511 received", 4},
	{manifest.Gmail, "Nora Quinn <nora.quinn@example.com>", "The beans are lovely", 11},
	{manifest.Gmail, "Luis Prado <luis.prado@example.org>", "Invoice S-5388", 6},
}

// raw writes the old mail of number i as it would have come in at a time.
func oldRaw(i int, to inbox.MailboxID, at time.Time) []byte {
	return fmt.Appendf(nil, "From: %s\r\nTo: <%s>\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <old.%d@mail.example>\r\nContent-Type: text/plain\r\n\r\nDear Contoso team, all is well. Goodbye.\r\n",
		oldMail[i].from, to, oldMail[i].subject, at.Format(time.RFC1123Z), i)
}
