package workspace

import (
	"fmt"
	"strings"
	"unicode/utf8"

	directory "google.golang.org/api/admin/directory/v1"
)

// maxName is how many characters each half of a name may have ("Name guidelines for users and groups").
const maxName = 60

// noFamily stands for the family name of what has one word for a name: Google wants both halves when it creates an
// account, and this is what administrators write.
const noFamily = "."

// split makes the two halves Google keeps of a display name. They read as the name when they are put together, whatever
// the place of the cut; the last space at which both fit is taken.
func split(name string) (given, family string, err error) {
	if strings.ContainsAny(name, "<>") {
		return "", "", fmt.Errorf("workspace: the name %q has < or > in it, which Google does not take", name)
	}
	name = fold(name)
	if name == "" {
		return "", "", fmt.Errorf("workspace: the account has no name")
	}
	fits := func(s string) bool { return utf8.RuneCountInString(s) <= maxName }
	for at := strings.LastIndexByte(name, ' '); at > 0; at = strings.LastIndexByte(name[:at], ' ') {
		if fits(name[:at]) && fits(name[at+1:]) {
			return name[:at], name[at+1:], nil
		}
	}
	if fits(name) {
		return name, noFamily, nil
	}
	return "", "", fmt.Errorf("workspace: the name %q is too long: Google keeps two halves of at most %d characters each, cut at a space", name, maxName)
}

// join is the display name of the two halves.
func join(n *directory.UserName) string {
	if n == nil {
		return ""
	}
	given, family := fold(n.GivenName), fold(n.FamilyName)
	if family == noFamily {
		family = ""
	}
	return fold(given + " " + family)
}

// fold takes surplus space away; Google does not keep it reliably.
func fold(name string) string { return strings.Join(strings.Fields(name), " ") }

// sameName reports whether two display names are the same to Google.
func sameName(a, b string) bool {
	plain := func(s string) string { return strings.TrimSuffix(fold(s), " "+noFamily) }
	return plain(a) == plain(b)
}
