package boot

import (
	"context"
	"slices"

	"github.com/postroom/postroom/core/provision"
)

// Check is one look of [Examine]. It changes nothing and may be repeated.
type Check struct {
	// Names are what the findings of Look are called by, so that a look that nobody asked for is not taken.
	Names []string
	Look  func(ctx context.Context) []provision.Finding
}

// Examine takes the looks one after the other and gives what they find, in their order; of the checks named in only,
// where any is.
func Examine(ctx context.Context, checks []Check, only []string) (all []provision.Finding) {
	wanted := func(name string) bool { return len(only) == 0 || slices.Contains(only, name) }
	for _, c := range checks {
		if ctx.Err() != nil {
			return all
		}
		if !slices.ContainsFunc(c.Names, wanted) {
			continue
		}
		for _, f := range c.Look(ctx) {
			if wanted(f.Check) {
				all = append(all, f)
			}
		}
	}
	return all
}

// The names of the checks that are made here; those of a provider's own are in its package.
const (
	CheckHook   = "hook"
	CheckWatch  = "watch"
	CheckLapse  = "credential-lapse"
	CheckClock  = "clock"
	CheckTable  = "table"
	CheckQueue  = "queue"
	CheckAlarms = "alarms"
)

func one(f provision.Finding) []provision.Finding { return []provision.Finding{f} }
