package manifest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/postroom/postroom/core/manifest"
)

// In some zones clocks go forward at midnight, so that the day begins at one.
func TestDayBeginsWhereMidnightIsMissing(t *testing.T) {
	t.Parallel()
	for zone, day := range map[string]string{"America/Santiago": "2026-09-06", "America/Havana": "2026-03-08", "Europe/Copenhagen": "2026-03-29", "Africa/Cairo": "2026-04-24"} {
		file := fmt.Sprintf(`version: 1
organisation: {name: Contoso, domains: [contoso.com], timezone: %s}
members: {anna: {name: Anna, email: anna@contoso.com, away: [{from: %s, until: 2026-12-01}]}}
mailboxes: {support@contoso.com: {provider: m365, agents: anna, backlog: triage since %s}}
`, zone, day, day)
		m, err := manifest.Parse("postroom.yaml", []byte(file))
		if err != nil {
			t.Fatal(err)
		}
		policy := m.Mailboxes()[0].Policy
		for what, at := range map[string]time.Time{"backlog": policy.Backlog.Since, "away": policy.Assign.Agents[0].Away[0].From} {
			before := at.Add(-time.Nanosecond)
			if at.In(m.Location).Format(time.DateOnly) != day || before.In(m.Location).Format(time.DateOnly) == day {
				t.Errorf("%s, %s: the day begins at %s", zone, what, at)
			}
		}
	}
}
