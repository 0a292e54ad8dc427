package gmail

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// readers is how many mailboxes are read at once; each has one request under way.
const readers = 8

// Settings administers what a mailbox's own settings hold at Gmail: who opens it as a delegate, which addresses it sends
// from, its signature, language, automatic reply and labels. It implements provision.Admin for Gmail's mailboxes; accounts,
// licences and groups are another administration's.
//
// Every request acts for the mailbox itself, with SettingsScopes, and one at a time is under way for a mailbox: what
// programs ask of a mailbox is taken from what its delegates may do at once ("Delegate & collaborate on email").
type Settings struct {
	client *Client

	mu    sync.Mutex
	saved map[inbox.MailboxID]languages // what Google made of a language that was asked for
}

var _ provision.Admin = (*Settings)(nil)

// NewSettings checks the configuration, and sends nothing. Config.Tokens are to be for SettingsScopes; Config.Mailboxes
// are those that may be read and changed, and no token is asked for any other.
func NewSettings(c Config) (*Settings, error) {
	client, err := newClient(c, "the scopes "+strings.Join(SettingsScopes(), ","), 1)
	if err != nil {
		return nil, err
	}
	return &Settings{client: client, saved: map[inbox.MailboxID]languages{}}, nil
}

// part is a side of a mailbox that one request reads.
type part struct {
	aspects []provision.Aspect
	read    func(*Settings, context.Context, *Mailbox, *reading) error
}

var parts = []part{
	{[]provision.Aspect{provision.Open}, (*Settings).readDelegates},
	{[]provision.Aspect{provision.Sender, provision.Signature}, (*Settings).readSenders},
	{[]provision.Aspect{provision.AutoReply}, (*Settings).readAutoReply},
	{[]provision.Aspect{provision.Language}, (*Settings).readLanguage},
	{[]provision.Aspect{provision.Marker}, (*Settings).readMarkers},
}

// Handles implements provision.Admin.
func (s *Settings) Handles(provider inbox.Provider, aspect provision.Aspect) bool {
	return provider == inbox.Gmail && slices.ContainsFunc(parts, func(p part) bool { return slices.Contains(p.aspects, aspect) })
}

// Manual implements provision.Admin. What no API can do here is only known once Google has refused it, but for a group as
// delegate, which reading calls unseen.
func (s *Settings) Manual(provision.Step) string { return "" }

// Do implements provision.Admin. What was done already, by an earlier try whose answer was lost or by a person, is found
// by looking first.
func (s *Settings) Do(ctx context.Context, step provision.Step) error {
	do := map[provision.Aspect]func(*Settings, context.Context, *Mailbox, provision.Step) error{
		provision.Open: (*Settings).doDelegate, provision.Sender: (*Settings).doSender, provision.Signature: (*Settings).doSignature,
		provision.AutoReply: (*Settings).doAutoReply, provision.Language: (*Settings).doLanguage, provision.Marker: (*Settings).doMarker,
	}[step.Fact.Aspect]
	if do == nil || step.Provider != inbox.Gmail {
		return fmt.Errorf("gmail: %s of a mailbox at %s is no setting of Gmail's", step.Fact.Aspect, step.Provider)
	}
	m, err := s.client.Mailbox(Options{Address: step.Mailbox})
	if err == nil {
		err = do(s, ctx, m, step)
	}
	return steer(err)
}
