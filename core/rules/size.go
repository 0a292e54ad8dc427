package rules

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// span is the sizes from lo to hi, both included.
type span struct{ lo, hi int64 }

func (s span) has(n int64) bool { return s.lo <= n && n <= s.hi }

var sizeUnits = []struct {
	name  string
	bytes float64
}{{"kb", 1 << 10}, {"mb", 1 << 20}, {"gb", 1 << 30}, {"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {"b", 1}, {"", 1}}

// newSpan reads a comparison such as "> 5MB".
func newSpan(source string) (s span, ok bool) {
	text := strings.ToLower(strings.TrimSpace(source))
	text = strings.Replace(strings.Replace(text, "over ", ">", 1), "under ", "<", 1)
	op := text[:len(text)-len(strings.TrimLeft(text, "<>=≤≥"))]
	text = strings.TrimSpace(text[len(op):])
	for _, u := range sizeUnits {
		number, found := strings.CutSuffix(text, u.name)
		if !found {
			continue
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(f >= 0 && f <= 1e6) && u.bytes > 1 || !(f >= 0 && f < 1e15) || strings.ContainsAny(number, "xpn_+") {
			return s, false
		}
		n := int64(f * u.bytes)
		switch op {
		case ">":
			return span{n + 1, math.MaxInt64}, true
		case ">=", "≥":
			return span{n, math.MaxInt64}, true
		case "<":
			return span{0, n - 1}, true
		case "<=", "≤":
			return span{0, n}, true
		}
		return s, false
	}
	return s, false
}

// sizes are the sizes that a condition lets through, as spans in order that do not touch.
func sizes(yes, no []span) []span {
	if len(yes) == 0 {
		yes = []span{{0, math.MaxInt64}}
	}
	yes = slices.DeleteFunc(slices.Clone(yes), func(s span) bool { return s.hi < s.lo })
	slices.SortFunc(yes, func(a, b span) int {
		if a.lo < b.lo {
			return -1
		}
		return 1
	})
	var out []span
	for _, s := range yes {
		if n := len(out); n > 0 && (out[n-1].hi == math.MaxInt64 || s.lo <= out[n-1].hi+1) {
			out[n-1].hi = max(out[n-1].hi, s.hi)
			continue
		}
		out = append(out, s)
	}
	for _, cut := range no {
		var left []span
		for _, s := range out {
			if cut.lo > s.hi || cut.hi < s.lo {
				left = append(left, s)
				continue
			}
			if s.lo < cut.lo {
				left = append(left, span{s.lo, cut.lo - 1})
			}
			if cut.hi < s.hi {
				left = append(left, span{cut.hi + 1, s.hi})
			}
		}
		out = left
	}
	return out
}

func sizesWithin(a, b []span) bool {
	return !slices.ContainsFunc(a, func(s span) bool {
		return !slices.ContainsFunc(b, func(t span) bool { return t.lo <= s.lo && s.hi <= t.hi })
	})
}

// bytesText is a size as people say it.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}
