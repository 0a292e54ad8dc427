package gmail

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/core/provision"
)

// The checks, as findings name them.
const (
	CheckReach     = "gmail-reach"     // the runtime identity is let to a declared mailbox
	CheckSettings  = "gmail-settings"  // the provisioning identity is
	CheckDelegates = "gmail-delegates" // no more people open a mailbox than Google's guide allows
	CheckControl   = "gmail-control"   // a mailbox that is not declared is refused
	CheckStorage   = "gmail-storage"   // how full a mailbox is
)

// manyDelegates is how many delegates an account may have in general ("users.settings.delegates.create").
const manyDelegates = 25

// Examination are the questions of doctor to Google's mailboxes. It reads no mail: of each mailbox it asks the profile, and
// who its delegates are. It changes nothing and may be repeated.
type Examination struct {
	Client   *Client
	Settings *Settings // nil: nothing here provisions
	// Control is the address of a mailbox that has to be refused, since the manifest does not declare it. Empty: none is
	// named.
	Control inbox.Address
}

// Examine looks at those mailboxes of want that are at Gmail and exist by the wish, two requests for each. The findings
// come in an order that is always the same: reach, settings and delegates of the mailboxes as in want, the control,
// storage. A mailbox is named in a finding that is about it; one that every mailbox would share comes once.
func (e *Examination) Examine(ctx context.Context, want []provision.Mailbox) []provision.Finding {
	var boxes []inbox.MailboxID
	for i := range want {
		if want[i].Provider == inbox.Gmail && want[i].Address != "" && want[i].Exists() {
			boxes = append(boxes, want[i].Address)
		}
	}
	if len(boxes) == 0 {
		return nil
	}
	findings := ask(boxes, func(box inbox.MailboxID) []provision.Finding { return e.reach(ctx, box) })
	if e.Settings == nil {
		findings = append(findings, provision.Finding{Check: CheckSettings, Verdict: provision.Skipped, Says: "no identity to provision Gmail with is configured"})
	} else {
		findings = append(findings, ask(boxes, func(box inbox.MailboxID) []provision.Finding { return e.settings(ctx, box) })...)
	}
	return append(findings, e.control(ctx), provision.Finding{
		Check: CheckStorage, Verdict: provision.Skipped, Says: "the Gmail API does not tell how full a mailbox is",
		Fix: "look in the Admin console under Storage > Users using the most storage",
	})
}

// ask asks about several mailboxes at once. What has no mailbox in it is about all of them: the first one is enough.
func ask(boxes []inbox.MailboxID, about func(inbox.MailboxID) []provision.Finding) []provision.Finding {
	found := make([][]provision.Finding, len(boxes))
	var workers sync.WaitGroup
	slots := make(chan struct{}, readers)
	var common atomic.Bool
	for i, box := range boxes {
		slots <- struct{}{}
		workers.Go(func() {
			defer func() { <-slots }()
			if common.Load() {
				return
			}
			found[i] = about(box)
			for _, f := range found[i] {
				if f.Mailbox == "" {
					common.Store(true)
				}
			}
		})
	}
	workers.Wait()
	var out []provision.Finding
	once := false
	for _, list := range found {
		for _, f := range list {
			if f.Mailbox == "" {
				if once {
					continue
				}
				once = true
			}
			out = append(out, f)
		}
	}
	return out
}

func (e *Examination) reach(ctx context.Context, box inbox.MailboxID) []provision.Finding {
	m, err := e.Client.Mailbox(Options{Address: box})
	if err == nil {
		_, err = m.account.users.GetProfile(m.user()).Context(ctx).Do()
		err = m.account.explain("read the profile", err)
	}
	if err != nil {
		return []provision.Finding{failed(CheckReach, box, err)}
	}
	return []provision.Finding{{Check: CheckReach, Mailbox: box, Verdict: provision.Good, Says: "the mailbox lets Postroom in, with " + e.Client.scopes}}
}

func (e *Examination) settings(ctx context.Context, box inbox.MailboxID) []provision.Finding {
	m, err := e.Settings.client.Mailbox(Options{Address: box})
	var list map[string]string
	if err == nil {
		list, err = m.delegates(ctx)
	}
	if err != nil {
		return []provision.Finding{failed(CheckSettings, box, err)}
	}
	n := 0
	for _, status := range list {
		if accepted(status) {
			n++
		}
	}
	people := provision.Finding{Check: CheckDelegates, Mailbox: box, Verdict: provision.Good, Says: fmt.Sprintf("%d of its delegates are single people", n)}
	switch {
	case n == 1:
		people.Says = "one of its delegates is a single person"
	case n > manyDelegates:
		people.Verdict = provision.Warning
		people.Says = fmt.Sprintf("%d delegates: Google's guide allows %d in general, and about 40 may work in it at once", n, manyDelegates)
		people.Fix = "give the team one group as delegate: delegate-group under the mailbox in the manifest"
	}
	return []provision.Finding{{Check: CheckSettings, Mailbox: box, Verdict: provision.Good, Says: "the settings can be read and changed"}, people}
}

// control opens the control mailbox with a client that has the same list of mailboxes, but whose tokens and requests are
// counted and go nowhere.
func (e *Examination) control(ctx context.Context) provision.Finding {
	f := provision.Finding{Check: CheckControl, Verdict: provision.Skipped}
	if e.Control == "" {
		f.Says, f.Fix = "no mailbox is named that has to be refused", "write the address of a mailbox outside the team as control under google in the manifest"
		return f
	}
	box := normal(inbox.MailboxID(e.Control))
	var asked atomic.Int64
	nowhere := errors.New("gmail: this goes nowhere")
	config := e.Client.config
	config.Tokens = func(inbox.MailboxID) (oauth2.TokenSource, error) { asked.Add(1); return nil, nowhere }
	config.Transport = transportFunc(func(*http.Request) (*http.Response, error) { asked.Add(1); return nil, nowhere })
	probe, err := newClient(config, e.Client.scopes, e.Client.inFlight)
	if err != nil {
		f.Says = err.Error()
		return f
	}
	m, err := probe.Mailbox(Options{Address: box})
	if err == nil {
		_, err = m.account.users.GetProfile(m.user()).Context(ctx).Do()
	}
	var refused *pipeline.Permanent
	if n := asked.Load(); n > 0 || !errors.As(err, &refused) {
		f.Verdict, f.Says = provision.Bad, fmt.Sprintf("%s would be read: Postroom asked for a token for it", box)
		f.Fix = "name a mailbox under google.control that is not declared under mailboxes"
		return f
	}
	f.Verdict = provision.Good
	f.Says = fmt.Sprintf("Postroom's own list refuses %s before it asks for a token: 0 tokens, 0 requests. "+
		"Google itself would not: domain-wide delegation reaches every mailbox of the organisation", box)
	return f
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// failed says of a request that came to nothing: Bad where only a person can help, Skipped where time can. What every
// mailbox would meet is about none.
func failed(check string, box inbox.MailboxID, err error) provision.Finding {
	f := provision.Finding{Check: check, Mailbox: box, Verdict: provision.Skipped, Says: err.Error()}
	var permanent *pipeline.Permanent
	if errors.As(err, &permanent) {
		f.Verdict, f.Says, f.Fix = provision.Bad, permanent.What, permanent.Fix
		if permanent.Err != nil {
			f.Says += ": " + permanent.Err.Error()
		}
	}
	var refused *provision.Refused
	if errors.As(steer(err), &refused) {
		f.Mailbox = ""
	}
	return f
}
