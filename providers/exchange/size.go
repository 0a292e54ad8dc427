package exchange

import (
	"math"
	"strconv"
	"strings"
)

// size reads a size as Exchange writes it, "50 GB (53,687,091,200 bytes)", or as people and parameters do, "50GB" or
// "53687091200". Unlimited is no size.
func size(s string) (int64, bool) {
	if _, inner, ok := strings.Cut(s, "("); ok {
		if b, _, ok := strings.Cut(inner, " bytes)"); ok {
			digits := strings.Map(func(r rune) rune {
				// The thousands are set apart as the session's culture does it.
				if strings.ContainsRune(",.'’ \u00a0\u202f", r) {
					return -1
				}
				return r
			}, b)
			n, err := strconv.ParseInt(digits, 10, 64)
			return n, err == nil && n >= 0
		}
		return 0, false
	}
	s = strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(s), " ", ""))
	shift := 0
	for unit, n := range map[string]int{"KB": 10, "MB": 20, "GB": 30, "TB": 40} {
		if rest, ok := strings.CutSuffix(s, unit); ok {
			s, shift = rest, n
			break
		}
	}
	if shift == 0 {
		n, err := strconv.ParseInt(strings.TrimSuffix(s, "B"), 10, 64)
		return n, err == nil && n >= 0
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 || math.IsNaN(f) || f*math.Pow(2, float64(shift)) >= math.MaxInt64 {
		return 0, false
	}
	return int64(f * math.Pow(2, float64(shift))), true
}
