package workspace

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/google"
)

// Where Google serves the three APIs.
const (
	DirectoryEndpoint      = "https://admin.googleapis.com/"
	LicensingEndpoint      = "https://licensing.googleapis.com/"
	GroupsSettingsEndpoint = "https://www.googleapis.com/groups/v1/groups/"
)

// Endpoints say where the APIs are; empty ones are Google's own.
type Endpoints struct {
	Directory, Licensing, GroupsSettings string
}

// At is all three APIs behind one URL, as a simulator has them.
func At(url string) Endpoints {
	url = strings.TrimSuffix(url, "/") + "/"
	return Endpoints{Directory: url, Licensing: url, GroupsSettings: url + "groups/v1/groups/"}
}

// Config says how to reach Google Workspace. Tokens is required.
type Config struct {
	Endpoints Endpoints
	Transport http.RoundTripper // one that waits a minute at most for an answer, if nil
	Tokens    Tokens
	// Customer is the organisation's id, such as C0123abcd; empty: that of the administrator.
	Customer string

	Now func() time.Time // time.Now if nil
	// Wait waits between tries and for the pace of the licensing API, and returns early with the context's error; nil
	// waits on a timer.
	Wait func(ctx context.Context, d time.Duration) error
	// Random is where the passwords of new accounts come from; crypto/rand if nil.
	Random io.Reader
}

// Admin is the administration of one Google Workspace. It implements provision.Admin. Calls are made one at a time.
type Admin struct {
	config Config
	way    *way
	mu     sync.Mutex // for ids and customer, which requests at once fill
	// ids are those of the accounts that were looked up; never used to say that one exists.
	ids map[inbox.Address]string
	// customer is the organisation's id as Google has told it.
	customer string
	// fronts is the front group of each mailbox as it was last wished, for steps that do not bring it along.
	fronts map[inbox.MailboxID]inbox.Address
}

// New checks the configuration. It sends nothing.
func New(c Config) (*Admin, error) {
	if c.Tokens == nil {
		return nil, errors.New("workspace: Config.Tokens is missing")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Wait == nil {
		c.Wait = google.Wait
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Transport == nil {
		c.Transport = google.Connections(atOnce)
	}
	w, err := newWay(c)
	if err != nil {
		return nil, err
	}
	return &Admin{
		config: c, way: w, customer: c.Customer,
		ids: map[inbox.Address]string{}, fronts: map[inbox.MailboxID]inbox.Address{},
	}, nil
}

// aspects are those it handles, for inbox.Gmail alone.
var aspects = []provision.Aspect{
	provision.Existence, provision.Name, provision.OrgUnit, provision.Licence, provision.Alias, provision.AddressList,
	provision.Group, provision.GroupSetting, provision.GroupMember,
}

// Handles implements provision.Admin.
func (a *Admin) Handles(provider inbox.Provider, aspect provision.Aspect) bool {
	return provider == inbox.Gmail && slices.Contains(aspects, aspect)
}

// Manual implements provision.Admin: the API can do all of it.
func (a *Admin) Manual(provision.Step) string { return "" }
