package local_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// quantities reads the prices and quantities of docs/cost.md, a line each: | `name` | number unit |. Prices of a million
// become those of one, and KB become GB.
func quantities(t *testing.T, page string) map[string]float64 {
	t.Helper()
	units := map[string]float64{"": 1, " s": 1, " / million": 1e-6, " KB": 1e-6}
	q := map[string]float64{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| ([0-9.]+)( / million| KB| s)? \\|").FindAllStringSubmatch(page, -1) {
		n, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		q[m[1]] = n * units[m[3]]
	}
	return q
}

// month is what the formulas of docs/cost.md give for so many mailboxes with so many mails a day each.
func month(q map[string]float64, mailboxes, aDay float64) (services [5]float64, xray, fixed, storage float64) {
	const minutes, seconds, hours = 43_800, 2_628_000, 730
	mails := mailboxes * aDay * 365 / 12
	hints := mails * (q["notes"] + q["people"])
	works := mails * (q["syncs"] + q["people"])
	sweeps := mailboxes * minutes / 15
	services = [5]float64{
		hints * q["api"],
		(hints+works+sweeps+minutes)*q["invoke"] + (hints*0.25*q["ingestTime"]+mails*0.5*(q["mailTime"]+q["people"]*q["sweepTime"])+
			sweeps*0.5*q["sweepTime"]+minutes*0.5*q["tickTime"])*q["gbs"],
		((hints+sweeps)*q["sqsRequests"] + q["polls"]*minutes) * q["sqs"],
		(mails*(q["write"]+q["people"]*q["keepWrite"])+mailboxes*2*hours*q["keepWrite"])*q["wru"] +
			(mails*(q["read"]+q["people"]*q["sweepRead"])+sweeps*q["sweepRead"]+minutes*q["shards"]/2)*q["rru"],
		(hints*q["ingestLog"] + (works+sweeps)*q["syncLog"] + minutes*q["tickLog"]) * q["log"],
	}
	traced := func(n float64) float64 { return min(n, seconds) + 0.05*max(0, n-seconds) }
	xray = (traced(hints) + traced(works+sweeps) + traced(minutes)) * q["trace"]
	fixed = q["metrics"]*q["metric"] + q["alarms"]*q["alarm"] + q["dashboard"]
	return services, xray, fixed, mails * q["kept"] * (q["gb"] + q["pitr"])
}

// dollars writes an amount as the page does.
func dollars(v float64, digits int) string {
	whole, cents, _ := strings.Cut(strconv.FormatFloat(v, 'f', digits, 64), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if cents != "" {
		whole += "." + cents
	}
	return whole
}

// TestCost holds the results in docs/cost.md to its own formulas, prices and quantities.
func TestCost(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "cost.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	q := quantities(t, page)
	if len(q) < 30 {
		t.Fatalf("only %d prices and quantities are read: %v", len(q), q)
	}
	for _, mailboxes := range []float64{1, 10, 1000, 10_000} {
		for _, aDay := range []float64{50, 500} {
			services, xray, fixed, storage := month(q, mailboxes, aDay)
			requests := 0.0
			for _, v := range services {
				requests += v
			}
			row := fmt.Sprintf("| %s | %s | %s | %s | %s | **%s** | %s |", dollars(mailboxes, 0), dollars(aDay, 0), dollars(requests, 2),
				dollars(xray, 2), dollars(fixed, 2), dollars(math.Round(requests+xray+fixed), 0), dollars(storage, 2))
			if !strings.Contains(page, row) {
				t.Errorf("docs/cost.md lacks the row\n%s", row)
			}
		}
	}
	for _, of := range [][2]float64{{1, 50}, {10, 500}, {1000, 50}, {10_000, 500}} {
		services, _, _, _ := month(q, of[0], of[1])
		row := fmt.Sprintf("| %s × %s |", dollars(of[0], 0), dollars(of[1], 0))
		for _, v := range services {
			row += " " + dollars(v, 2) + " |"
		}
		if !strings.Contains(page, row) {
			t.Errorf("docs/cost.md lacks the row\n%s", row)
		}
	}
}
