package msgraph

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// Examination are the questions of doctor to a tenant at Graph. It reads no mail: of mailboxes it asks the id of the
// inbox and what they are meant for. It changes nothing and may be repeated.
type Examination struct {
	Client *Client
	// Control is the address of a mailbox that has to refuse the app, since the manifest does not declare it. Empty: none
	// is named.
	Control inbox.Address
	// NotificationURL is where Graph is to send notifications. Empty: it is not known here, and whatever the
	// subscriptions name is right.
	NotificationURL string
}

// The checks of an examination, as its findings name them.
const (
	CheckToken        = "graph-token"        // Entra gives the app that the manifest names a token
	CheckConsent      = "graph-consent"      // what the token lets the app do, of itself
	CheckClock        = "graph-clock"        // this machine's clock agrees with Graph's
	CheckReach        = "graph-reach"        // the app is let to a declared mailbox
	CheckPurpose      = "graph-purpose"      // the mailbox is a shared one, and its settings can be read
	CheckControl      = "graph-control"      // the app is refused by a mailbox that is not declared
	CheckSubscription = "graph-subscription" // Graph tells of changes, of declared mailboxes alone
)

// examining is one examination under way.
type examining struct {
	*Examination
	ctx       context.Context
	tenant    *provision.Mailbox // the wish for the tenant; nil where there is none
	object    string             // id of the app's object in the tenant, as its token has it
	mailboxes []looked
	control   *look
	findings  []provision.Finding
}

// look is one request about a mailbox, and what came of it.
type look struct {
	address string
	answer  inner
	err     error // of the round as a whole
}

// looked is what was asked of a declared mailbox.
type looked struct {
	id             inbox.MailboxID
	shared         bool // by the wish
	inbox, purpose look
}

// Examine looks at the tenant and at those mailboxes of want that are at Microsoft 365 and exist by the wish. A wish for
// the tenant itself says whether the app is scoped by Exchange roles. The findings come in an order that is always the
// same: the app, the clock, the mailboxes as in want, the control, the subscriptions. A mailbox is named in a finding
// that is about it.
func (e *Examination) Examine(ctx context.Context, want []provision.Mailbox) []provision.Finding {
	x := &examining{Examination: e, ctx: ctx}
	for i := range want {
		w := &want[i]
		if w.Provider != inbox.M365 {
			continue
		}
		if w.Address == "" {
			x.tenant = w
		} else if kind, ok := w.Facts[provision.Fact{Aspect: provision.Existence}]; ok {
			x.mailboxes = append(x.mailboxes, looked{id: w.Address, shared: kind == "shared"})
		}
	}
	claims, ok := x.token()
	if !ok {
		for _, check := range []string{CheckConsent, CheckClock, CheckReach, CheckControl, CheckSubscription} {
			x.say(check, "", provision.Skipped, "without a token", "")
		}
		return x.findings
	}
	skew := x.look()
	x.consent(claims)
	x.clock(skew)
	x.reach()
	x.controlled()
	x.subscriptions()
	return x.findings
}

// scoped reports whether the manifest scopes the app by Exchange roles.
func (x *examining) scoped() bool {
	if x.tenant == nil {
		return false
	}
	for f := range x.tenant.Facts {
		if f.Aspect == provision.AppScope {
			return true
		}
	}
	return false
}

func (x *examining) say(check string, mailbox inbox.MailboxID, verdict provision.Verdict, says, fix string) {
	x.findings = append(x.findings, provision.Finding{Check: check, Mailbox: mailbox, Verdict: verdict, Says: says, Fix: fix})
}

// failed says of a request that came to nothing: Bad where only a person can help, Skipped where time can.
func (x *examining) failed(check string, mailbox inbox.MailboxID, err error) {
	says, fix := closed(err)
	after, throttled := x.Client.throttledFor(err)
	switch {
	case fix != "":
		x.say(check, mailbox, provision.Bad, says, fix)
	case throttled:
		x.say(check, mailbox, provision.Skipped, err.Error(), fmt.Sprintf("run doctor again in %s", after))
	default:
		x.say(check, mailbox, provision.Skipped, err.Error(), "")
	}
}

// A clock this far off is worth a word, and one that far is what Entra takes no assertion from any more (Microsoft
// Entra's validation of tokens allows five minutes).
const (
	skewWarning = time.Minute
	skewBad     = 5 * time.Minute
)

// skew is how far the clock of this machine is ahead of Graph's; known only where an answer has a date.
type skew struct {
	ahead time.Duration
	known bool
}

// skewOf compares the date of an answer with the time before its request and after it.
func skewOf(date string, before, after time.Time) skew {
	at, err := http.ParseTime(date)
	switch {
	case err != nil:
		return skew{}
	case at.Before(before.Truncate(time.Second)): // a date has whole seconds
		return skew{before.Truncate(time.Second).Sub(at), true}
	case at.After(after):
		return skew{after.Truncate(time.Second).Sub(at), true}
	}
	return skew{0, true}
}

func (x *examining) clock(s skew) {
	const fix = "set this machine's clock, best by NTP: tokens, certificates and the ages of mail are judged by it"
	off := s.ahead.Abs()
	side := "ahead of"
	if s.ahead < 0 {
		side = "behind"
	}
	switch {
	case !s.known:
		x.say(CheckClock, "", provision.Skipped, "no answer of Graph's has a date", "")
	case off > skewBad:
		x.say(CheckClock, "", provision.Bad, fmt.Sprintf("the clock is %s %s Graph's", off, side), fix)
	case off > skewWarning:
		x.say(CheckClock, "", provision.Warning, fmt.Sprintf("the clock is %s %s Graph's", off, side), fix)
	default:
		x.say(CheckClock, "", provision.Good, "the clock agrees with Graph's", "")
	}
}
