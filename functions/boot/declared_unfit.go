package boot

import (
	"context"
	"log/slog"
	"slices"

	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/provision"
)

// Unfit is a declaration that does not go with the manifest, because that has the mailbox itself by now or has lost a member.
type Unfit struct {
	Declaration
	Why error
}

func (u Unfit) log(ctx context.Context, log *slog.Logger) {
	log.ErrorContext(ctx, "declared mailbox left out", "mailbox", u.Address, "declared_by", u.Owner, "error", oneLine(faulty("", u.Why)))
}

// unread is what a plan says of it: nobody looks at a mailbox that nobody knows the wish for.
func (u Unfit) unread() provision.Unread {
	return provision.Unread{
		Mailbox: u.Address, Provider: u.provider(), Aspect: provision.Existence,
		Why: "what declares it does not go with the manifest: " + oneLine(faulty("", u.Why)),
	}
}

// parseFitting parses a manifest with own beside it, and with those of list that go with both. It fails when own do not.
func parseFitting(name string, content []byte, list, own []Declaration) (*manifest.Manifest, []Unfit, error) {
	parsed, err := parseDeclared(name, content, slices.Concat(list, own))
	if err == nil || len(list) == 0 {
		return parsed, nil, err
	}
	if _, err := parseDeclared(name, content, own); err != nil {
		return nil, nil, err
	}
	f := fitting{name: name, content: content}
	f.add(list)
	// What is declared already comes before what is about to be.
	parsed, err = parseDeclared(name, content, slices.Concat(f.good, own))
	return parsed, f.left, err
}

// fitting finds the declarations that go with a manifest.
type fitting struct {
	name    string
	content []byte
	good    []Declaration
	left    []Unfit
}

// add takes in those of list that go with the good ones. It halves the list, for a large manifest takes long to parse and few
// declarations are bad.
func (f *fitting) add(list []Declaration) {
	all := slices.Concat(f.good, list)
	_, err := parseDeclared(f.name, f.content, all)
	switch half := len(list) / 2; {
	case err == nil:
		f.good = all
	case len(list) == 1:
		f.left = append(f.left, Unfit{list[0], err})
	default:
		f.add(list[:half])
		f.add(list[half:])
	}
}
