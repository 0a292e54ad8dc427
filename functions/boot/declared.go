package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/pipeline"
)

// Declaration is a mailbox that a CloudFormation resource declares beside the manifest. Its members are the manifest's.
type Declaration struct {
	Address inbox.MailboxID `json:"address"`
	Owner   string          `json:"owner"` // the stack's id and the resource's logical id
	// Keys are those that a mailbox has in the manifest, with texts for numbers and truth values, as CloudFormation sends them.
	Keys map[string]any `json:"keys"`
	// Created: the mailbox was not there before its resource was.
	Created bool `json:"created,omitempty"`
	// Worked: it has been brought about as Keys say, and is worked like one of the manifest's. Until then it only has an owner.
	Worked bool `json:"worked,omitempty"`
	// Kept: the owner has another mailbox by now, and retains what it has made.
	Kept bool `json:"kept,omitempty"`
}

func (d Declaration) provider() inbox.Provider {
	p, _ := d.Keys["provider"].(string)
	return inbox.Provider(p)
}

// source names the resource for people: its logical id, and its stack's name.
func (d Declaration) source() string {
	stack, logical, _ := strings.Cut(d.Owner, " ")
	if part := strings.Split(stack, "/"); len(part) > 1 {
		stack = part[1]
	}
	return "Custom::PostroomMailbox " + logical + " of the stack " + stack
}

// declaredRecord is the record with all declarations.
const declaredRecord = "declared"

// declarations are all there are, as one version of the record has them.
type declarations struct {
	list    []Declaration
	version int64
}

func loadDeclarations(ctx context.Context, records Records) (d declarations, err error) {
	d.version, err = loadRecord(ctx, records, declaredRecord, &d.list)
	if err != nil {
		return d, fmt.Errorf("the declared mailboxes: %w", err)
	}
	return d, nil
}

// worked are those that are worked.
func (d declarations) worked() []Declaration {
	return slices.DeleteFunc(slices.Clone(d.list), func(x Declaration) bool { return !x.Worked })
}

func (d declarations) find(address inbox.MailboxID) (Declaration, bool) {
	i := slices.IndexFunc(d.list, func(x Declaration) bool { return x.Address == address })
	if i < 0 {
		return Declaration{}, false
	}
	return d.list[i], true
}

// name is the version of a document together with these declarations; without any ever, the document's own.
func (d declarations) name(document string) string {
	if d.version == 0 {
		return document
	}
	return document + declaredMark + strconv.FormatInt(d.version, 10)
}

// declaredMark parts a document's version from that of the declarations. Versions of S3 and SSM have no space.
const declaredMark = " declared "

// documentOf is the inverse of name.
func documentOf(version string) string {
	document, _, _ := strings.Cut(version, declaredMark)
	return document
}

// changeDeclaration replaces the declaration of an address by what change makes of it, or takes it away where that is nil. change
// may be called several times.
func changeDeclaration(ctx context.Context, records Records, address inbox.MailboxID, change func(was *Declaration) (*Declaration, error)) error {
	return changeDeclarations(ctx, records, func(list []Declaration) ([]Declaration, error) {
		var was *Declaration
		if found, ok := (declarations{list: list}).find(address); ok {
			was = &found
		}
		next, err := change(was)
		list = slices.DeleteFunc(list, func(x Declaration) bool { return x.Address == address })
		if next != nil {
			list = append(list, *next)
		}
		return list, err
	})
}

// changeDeclarations replaces all of them. change gets a list of its own, and may be called several times.
func changeDeclarations(ctx context.Context, records Records, change func([]Declaration) ([]Declaration, error)) error {
	for range 20 {
		d, err := loadDeclarations(ctx, records)
		if err != nil {
			return err
		}
		list, err := change(slices.Clone(d.list))
		if err != nil {
			return err
		}
		slices.SortFunc(list, func(a, b Declaration) int { return strings.Compare(string(a.Address), string(b.Address)) })
		if err := saveRecord(ctx, records, declaredRecord, list, d.version); !errors.Is(err, pipeline.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("the declared mailboxes are being changed all the time: %w", pipeline.ErrConflict)
}

// parseDeclared parses a manifest with mailboxes that are declared beside it.
func parseDeclared(name string, content []byte, list []Declaration) (*manifest.Manifest, error) {
	var beside []manifest.Declared
	for _, d := range list {
		keys, err := json.Marshal(d.Keys)
		if err != nil {
			return nil, err
		}
		beside = append(beside, manifest.Declared{Address: string(d.Address), Source: d.source(), JSON: keys})
	}
	return manifest.ParseWith(name, content, beside)
}
