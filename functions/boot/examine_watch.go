package boot

import (
	"context"
	"fmt"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/core/provision"
)

// watchWarn is how much of a watch must be left. One that nobody disturbs is renewed with renewBefore left.
const watchWarn = 48 * time.Hour

// WatchCheck looks whether the providers tell us of changes in each mailbox: by watches as they are kept. url and topic are
// whom they have to tell, as [Clock] has them; where url is empty, mailboxes are polled. missing says why there are no
// watches to be looked at.
func WatchCheck(m *manifest.Manifest, watches func(context.Context, inbox.MailboxID) ([]pipeline.Watch, error), missing, url, topic string, now func() time.Time) Check {
	return Check{Names: []string{CheckWatch}, Look: func(ctx context.Context) (all []provision.Finding) {
		switch {
		case url == "":
			return one(provision.Finding{Check: CheckWatch, Verdict: provision.Skipped, Says: "mailboxes are polled: POSTROOM_URL is not set"})
		case watches == nil:
			return one(provision.Finding{Check: CheckWatch, Verdict: provision.Skipped, Says: missing})
		}
		for _, b := range m.Mailboxes() {
			target := url
			if b.Provider == manifest.Gmail {
				target = topic
			}
			f := provision.Finding{Check: CheckWatch, Mailbox: b.Policy.Mailbox}
			if target == "" {
				f.Verdict, f.Says = provision.Skipped, "it is polled: POSTROOM_GOOGLE_TOPIC is not set"
			} else if list, err := watches(ctx, b.Policy.Mailbox); err != nil {
				f.Verdict, f.Says = provision.Skipped, err.Error()
			} else {
				f = watchFinding(f, list, target, now(), b.Provider)
			}
			all = append(all, f)
		}
		return all
	}}
}

func watchFinding(f provision.Finding, list []pipeline.Watch, target string, now time.Time, provider manifest.Provider) provision.Finding {
	what := "subscription"
	if provider == manifest.Gmail {
		what = "watch"
	}
	f.Fix = "see the log of the process that serves (tick on AWS): it makes and renews the " + what
	var last pipeline.Watch
	elsewhere := false
	for _, w := range list {
		switch {
		case w.Target != target:
			elsewhere = true
		case w.Expires.After(last.Expires):
			last = w
		}
	}
	left := last.Expires.Sub(now)
	at := last.Expires.UTC().Format("2006-01-02 15:04 MST")
	switch {
	case last.ID == "" && elsewhere:
		f.Verdict, f.Says = provision.Bad, fmt.Sprintf("the %s tells somebody else than %s", what, target)
	case last.ID == "":
		f.Verdict, f.Says = provision.Bad, fmt.Sprintf("there is no %s: changes are found only by reading the mailbox from time to time", what)
	case left <= 0:
		f.Verdict, f.Says = provision.Bad, fmt.Sprintf("the %s lapsed on %s: changes are found only by reading the mailbox from time to time", what, at)
	case left < watchWarn:
		f.Verdict, f.Says = provision.Warning, fmt.Sprintf("the %s lapses on %s and has not been renewed", what, at)
	default:
		f.Verdict, f.Says, f.Fix = provision.Good, fmt.Sprintf("the %s lasts until %s", what, at), ""
	}
	return f
}
