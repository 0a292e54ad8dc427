package local_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// prices are AWS's list prices in us-east-1 in November 2026, in dollars, by the names of docs/cost.md, and the titles of
// the pages that have them.
var prices = []struct {
	name    string
	dollars float64
	million bool // for a million of them
	page    string
}{
	{"api", 1.00, true, "Amazon API Gateway pricing"},
	{"invoke", 0.20, true, "AWS Lambda pricing"},
	{"gbs", 0.0000133334, false, "AWS Lambda pricing"},
	{"sqs", 0.50, true, "Amazon SQS pricing"},
	{"wru", 0.625, true, "Pricing for On-Demand Capacity"},
	{"rru", 0.125, true, "Pricing for On-Demand Capacity"},
	{"log", 0.50, false, "Amazon CloudWatch pricing"},
}

// price is what one of a thing costs.
func price(name string) float64 {
	for _, p := range prices {
		if p.name == name {
			if p.million {
				return p.dollars / 1e6
			}
			return p.dollars
		}
	}
	panic("no price of " + name)
}

// TestPrices holds the table of docs/cost.md to the prices that the figures are made with.
func TestPrices(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "cost.md"))
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]string{} // the second column by the first
	for line := range strings.Lines(string(page)) {
		if cells := strings.Split(line, "|"); len(cells) > 4 {
			written[strings.Trim(cells[1], " `")] = strings.TrimSpace(cells[2])
		}
	}
	for _, p := range prices {
		number, unit, _ := strings.Cut(written[p.name], " ")
		dollars, err := strconv.ParseFloat(number, 64)
		if err != nil || dollars != p.dollars || (unit == "/ million") != p.million {
			t.Errorf("docs/cost.md has %q as the price of %s, the figures are made with %v (%s)", written[p.name], p.name, p.dollars, p.page)
		}
	}
}
