package exchange_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/providers/exchange"
)

// TestAnswersOfAnotherDayOrTenant: nothing is planned by what was true long ago, or elsewhere.
func TestAnswersOfAnotherDayOrTenant(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ made, tenant, of, want string }{
		{noon.Format(time.RFC3339), tenantID, tenantID, ""},
		{noon.Format(time.RFC3339), strings.ToUpper(tenantID), tenantID, ""},
		{noon.Format(time.RFC3339), "", tenantID, ""},            // an older module does not say
		{noon.Format(time.RFC3339), tenantID, "", ""},            // nobody has said which tenant it is
		{noon.Format(time.RFC3339), tenantID, "contoso.com", ""}, // or has by a name
		{noon.Format(time.RFC3339), "99999999-2222-3333-4444-555555555555", tenantID, "of the tenant 99999999-2222-3333-4444-555555555555"},
		{noon.Add(-23 * time.Hour).Format(time.RFC3339), tenantID, tenantID, ""},
		{noon.Add(-25 * time.Hour).Format(time.RFC3339), tenantID, tenantID, "of 2026-11-21T11:00:00Z: run the script again"},
		{noon.Add(30 * time.Minute).Format(time.RFC3339), tenantID, tenantID, ""},
		{noon.Add(25 * time.Hour).Format(time.RFC3339), tenantID, tenantID, "look at the clock"},
	} {
		answers, err := exchange.ReadAnswers(strings.NewReader(fmt.Sprintf(`{"format":1,"made":%q,"tenant":%q,"answers":[]}`, tt.made, tt.tenant)))
		must(t, err)
		if err := answers.Check(noon, tt.of); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("made %s in %q for %q: %v", tt.made, tt.tenant, tt.of, err)
		}
	}
}
