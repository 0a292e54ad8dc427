package boot

import (
	"context"
	"fmt"
	"time"

	"github.com/postroom/postroom/core/provision"
)

// Ending is a credential that ends. At is zero where nobody can read when.
type Ending struct {
	Lapse
	Fix string // how to replace it, or how to say when it ends
}

// LapseCheck looks when credentials end.
func LapseCheck(endings []Ending, now func() time.Time) Check {
	return Check{Names: []string{CheckLapse}, Look: func(context.Context) (all []provision.Finding) {
		for _, e := range endings {
			all = append(all, e.finding(now()))
		}
		if len(all) == 0 {
			all = one(provision.Finding{Check: CheckLapse, Verdict: provision.Skipped, Says: "no credential that ends is set"})
		}
		return all
	}}
}

func (e Ending) finding(now time.Time) provision.Finding {
	f := provision.Finding{Check: CheckLapse, Verdict: provision.Warning, Says: "nobody can read when " + e.What + " ends", Fix: e.Fix}
	if e.At.IsZero() {
		return f
	}
	day := e.At.UTC().Format(time.DateOnly)
	switch days := e.Days(now); {
	case days < 0:
		f.Verdict, f.Says = provision.Bad, fmt.Sprintf("%s ended on %s", e.What, day)
	case days <= warnDays:
		f.Says = fmt.Sprintf("%s ends on %s, in %d days", e.What, day, days)
	default:
		f.Verdict, f.Says, f.Fix = provision.Good, fmt.Sprintf("%s is good until %s", e.What, day), ""
	}
	return f
}
