package msgraph

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/rules"
)

// Default page sizes of a delta, in messages: one page of each folder is in memory at a time.
const (
	defaultPage     = 200
	defaultBodyPage = 50
)

// maxFolders is how many folders are read besides the usual ones, so that one round of all of them is one $batch.
const maxFolders = batchSize - len(wellKnown)

// MailboxOptions say how a mailbox is worked.
type MailboxOptions struct {
	// Address is the mailbox's main address.
	Address inbox.MailboxID
	// Aliases are its other addresses: mail from one of them was sent by the mailbox.
	Aliases []inbox.Address
	// Needs are the parts of a message that cost extra. Attachments and size are read by a request of their own, so
	// Changes leaves such messages to Fetch.
	Needs rules.Needs
	// Folders are read in addition to Inbox, Sent Items, Drafts and Archive: by display name, a folder in a folder as
	// a path with slashes, or a well-known name. One that is not there is looked for again with every reading.
	Folders []string
	// PageSize is how many messages of a folder one page holds; 0 is 200, or 50 when bodies are read.
	PageSize int
	// Own tells Postroom's markers from people's; nil takes all for people's.
	Own func(inbox.Marker) bool
}

// Mailbox works one mailbox. It implements pipeline.Provider. All methods may be called at once; their requests wait
// for one another, also across several values for one mailbox of one client.
type Mailbox struct {
	client  *Client
	address string
	own     map[inbox.Address]bool
	needs   rules.Needs
	folders []string
	page    int
	ours    func(inbox.Marker) bool

	mu     sync.Mutex
	places map[string]inbox.Place // by folder id
}

// Mailbox makes the value for one mailbox. It sends nothing.
func (c *Client) Mailbox(o MailboxOptions) (*Mailbox, error) {
	address, err := pathAddress(string(o.Address))
	if err != nil {
		return nil, fmt.Errorf("graph: %w", err)
	}
	m := &Mailbox{
		client: c, address: address,
		own:   map[inbox.Address]bool{inbox.Address(address): true},
		needs: o.Needs, page: o.PageSize, ours: o.Own,
		places: map[string]inbox.Place{},
	}
	for _, a := range o.Aliases {
		m.own[inbox.NewAddress(string(a))] = true
	}
	for _, f := range o.Folders {
		if f = strings.Trim(strings.TrimSpace(f), "/"); f == "" {
			return nil, errors.New("graph: a folder to watch has no name")
		}
		if !slices.Contains(m.folders, f) && !watched(f) {
			m.folders = append(m.folders, f)
		}
	}
	if len(m.folders) > maxFolders {
		return nil, fmt.Errorf("graph: mailbox %s: %d folders to watch, at most %d can be", address, len(m.folders), maxFolders)
	}
	if m.page <= 0 {
		m.page = defaultPage
		if m.needs.Body {
			m.page = defaultBodyPage
		}
	}
	if m.ours == nil {
		m.ours = func(inbox.Marker) bool { return false }
	}
	return m, nil
}

// pathAddress is an address as it stands in the path of a request. One that would lead elsewhere is none.
func pathAddress(address string) (string, error) {
	if address == "" || strings.ContainsAny(address, "/?#%") {
		return "", fmt.Errorf("%q is no mailbox address", address)
	}
	return strings.ToLower(address), nil
}

// wellKnown are the folders whose ids tell the place of a message. The first four are read for changes.
var wellKnown = [...]struct {
	name  string
	place inbox.Place
	watch bool
}{
	{"inbox", inbox.Inbox, true},
	{"sentitems", inbox.Sent, true},
	{"drafts", inbox.Drafts, true},
	{"archive", inbox.Archive, true},
	{"deleteditems", inbox.Trash, false},
	{"junkemail", inbox.Junk, false},
}

func watched(name string) bool {
	for _, w := range wellKnown {
		if w.watch && strings.EqualFold(w.name, name) {
			return true
		}
	}
	return false
}

// placeNamed is the place a folder's name stands for; Elsewhere when it is no well-known one.
func placeNamed(name string) inbox.Place {
	for _, w := range wellKnown {
		if strings.EqualFold(w.name, name) {
			return w.place
		}
	}
	return inbox.Elsewhere
}

// place is where a folder id lies, as far as known.
func (m *Mailbox) place(folder string) inbox.Place {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p, ok := m.places[folder]; ok {
		return p
	}
	return inbox.Elsewhere
}

func (m *Mailbox) remember(places map[string]inbox.Place) {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.Copy(m.places, places)
}

// needPlaces makes sure that the ids of the well-known folders are known. Changes learns them from its cursor; only a
// value that has not read changes yet asks for them, once, in one round trip.
func (m *Mailbox) needPlaces(ctx context.Context) error {
	m.mu.Lock()
	known := len(m.places) > 0
	m.mu.Unlock()
	if known {
		return nil
	}
	var requests []*abstractions.RequestInformation
	for _, w := range wellKnown {
		r, err := m.folderByID(ctx, w.name)
		if err != nil {
			return err
		}
		requests = append(requests, r)
	}
	answers, err := m.round(ctx, requests)
	if err != nil {
		return err
	}
	places := map[string]inbox.Place{}
	for i := range answers {
		switch refusal := answers[i].refusal(); {
		case refusal == nil && answers[i].body.ID != "":
			places[answers[i].body.ID] = wellKnown[i].place
		case refusal != nil && !refusal.gone():
			return refusal
		}
	}
	m.remember(places)
	return nil
}

// folderByID asks for the id of a folder that may also be named by its well-known name.
func (m *Mailbox) folderByID(ctx context.Context, id string) (*abstractions.RequestInformation, error) {
	return m.client.users(m.address).MailFolders().ByMailFolderId(id).ToGetRequestInformation(ctx,
		&users.ItemMailFoldersMailFolderItemRequestBuilderGetRequestConfiguration{
			Headers:         prefer(),
			QueryParameters: &users.ItemMailFoldersMailFolderItemRequestBuilderGetQueryParameters{Select: []string{"id", "displayName", "totalItemCount"}},
		})
}

// folderByName asks for the folders of that display name in parent, or at the top when parent is "".
func (m *Mailbox) folderByName(ctx context.Context, parent, name string) (*abstractions.RequestInformation, error) {
	filter := "displayName eq '" + strings.ReplaceAll(name, "'", "''") + "'"
	fields := []string{"id", "displayName", "totalItemCount"}
	folders := m.client.users(m.address).MailFolders()
	if parent == "" {
		return folders.ToGetRequestInformation(ctx, &users.ItemMailFoldersRequestBuilderGetRequestConfiguration{
			Headers:         prefer(),
			QueryParameters: &users.ItemMailFoldersRequestBuilderGetQueryParameters{Filter: &filter, Select: fields},
		})
	}
	return folders.ByMailFolderId(parent).ChildFolders().ToGetRequestInformation(ctx,
		&users.ItemMailFoldersItemChildFoldersRequestBuilderGetRequestConfiguration{
			Headers:         prefer(),
			QueryParameters: &users.ItemMailFoldersItemChildFoldersRequestBuilderGetQueryParameters{Filter: &filter, Select: fields},
		})
}

// prefer is the Prefer header of every request for messages: ids that survive a move, and what else is asked for.
func prefer(more ...string) *abstractions.RequestHeaders {
	h := abstractions.NewRequestHeaders()
	h.Add("Prefer", strings.Join(append([]string{`IdType="ImmutableId"`}, more...), ", "))
	return h
}
