package manifest

import "strings"

// suggest words the fix for a name that is not known: the nearest known one, else all where they are few.
func suggest(name string, known []string) string {
	if best := nearest(name, known); best != "" {
		return `did you mean "` + best + `"?`
	}
	switch {
	case len(known) == 0:
		return ""
	case len(known) > 14:
		return "there are " + strings.Join(known[:14], ", ") + " and more"
	case len(known) == 1:
		return "there is only " + known[0]
	}
	return "there are " + strings.Join(known[:len(known)-1], ", ") + " and " + known[len(known)-1]
}

// nearest is the known name that name was most likely meant to be; "" where none is near.
func nearest(name string, known []string) string {
	best, least := "", 1+max(1, min(3, len(name)/3))
	for _, k := range known {
		if strings.EqualFold(k, name) {
			return k
		}
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance counts the letters to put in, take out, replace or swap with their neighbour to make b of a. Names longer than
// any sensible one are not compared.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > 64 || len(y) > 64 {
		return len(x) + len(y)
	}
	var before, last []int
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		before, last, row = last, row, make([]int, len(y)+1)
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(y)]
}
