package manifest

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/postroom/postroom/core/provision"
)

// licensed reads the quota of a shared mailbox, and the licence that a large one needs.
func (r *reader) licensed(m mailbox, at path, set func(provision.Aspect, string)) {
	p := at.key("licence")
	switch m.Licence {
	case "":
		r.addEmpty(p)
	case "assigned":
		set(provision.Licence, m.Licence)
	default:
		r.add(r.at(p), fmt.Sprintf("there is no licence %q for a shared mailbox", m.Licence), "write assigned where Exchange Online Plan 2 is assigned in the admin centre, or take the key out")
	}
	p = at.key("quota")
	if m.Quota == "" {
		r.addEmpty(p)
		return
	}
	size, ok := parseSize(m.Quota)
	switch {
	case !ok:
		r.add(r.at(p), fmt.Sprintf("%q is not a size", m.Quota), "write it with its unit, as in 49 GB or 49.5 GB; 1 GB is 1024 MB")
	case size > largestHeld:
		r.add(r.at(p), fmt.Sprintf("%s are more than a mailbox holds", m.Quota), "write 100 GB or less")
	case size < smallestQuota:
		r.add(r.at(p), fmt.Sprintf("%s are too few to receive anything", m.Quota), "write 1 MB or more")
	case size > unlicensed && m.Licence != "assigned":
		r.add(r.at(p), fmt.Sprintf("%s need a licence", m.Quota), "assign Exchange Online Plan 2 in the admin centre and write licence: assigned, or write 50 GB or less")
	default:
		set(provision.Quota, strconv.FormatInt(size, 10))
	}
}

var sizeText = regexp.MustCompile(`^([0-9]{1,15})(?:\.([0-9]{1,9}))? ?(GB|MB|KB|B)$`)

// sizeUnits are from the largest down.
var sizeUnits = []struct {
	name  string
	bytes int64
}{{"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10}, {"B", 1}}

// parseSize reads a size such as 49.5 GB, parts of a byte cut off.
func parseSize(s string) (int64, bool) {
	parts := sizeText.FindStringSubmatch(s)
	if parts == nil {
		return 0, false
	}
	n, ok := new(big.Rat).SetString(parts[1] + "." + parts[2] + "0")
	for _, u := range sizeUnits {
		if u.name == parts[3] {
			n.Mul(n, new(big.Rat).SetInt64(u.bytes))
		}
	}
	whole := new(big.Int).Quo(n.Num(), n.Denom())
	return whole.Int64(), ok && whole.IsInt64()
}

// formatSize is the shortest text that parseSize reads as n.
func formatSize(n int64) string {
	for _, u := range sizeUnits {
		if n < u.bytes && u.bytes > 1 {
			continue
		}
		text := strings.TrimRight(strings.TrimRight(new(big.Rat).SetFrac64(n, u.bytes).FloatString(2), "0"), ".")
		if u.bytes == 1 {
			text = strconv.FormatInt(n, 10)
		}
		if back, ok := parseSize(text + " " + u.name); ok && back == n {
			return text + " " + u.name
		}
	}
	return strconv.FormatInt(n, 10) + " B"
}
