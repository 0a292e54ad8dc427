package gmail

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	api "google.golang.org/api/gmail/v1"
	"google.golang.org/api/option"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/google"
)

// DefaultEndpoint is where Google serves the API.
const DefaultEndpoint = "https://gmail.googleapis.com/"

// maxInFlight is how many requests fly at once for one mailbox. Google answers 429 "Too many concurrent requests for
// user" above a figure it does not publish and that all clients of a mailbox share; the field has met 10.
const maxInFlight = 4

// Tokens gives what signs requests for one mailbox. It is called once a mailbox, and again when Google has refused
// a token it gave. The source must be safe for use from many goroutines; it need not cache.
type Tokens func(mailbox inbox.MailboxID) (oauth2.TokenSource, error)

// Config says how to reach Gmail. Tokens and Mailboxes are required.
type Config struct {
	Endpoint  string            // DefaultEndpoint if empty
	Transport http.RoundTripper // one that waits a minute at most for an answer, if nil
	Tokens    Tokens
	// Mailboxes may be worked. A request for any other fails before a token is asked for.
	Mailboxes []inbox.MailboxID

	Now func() time.Time // time.Now if nil
	// Sleep waits between tries and returns early with the context's error; nil waits on a timer.
	Sleep func(ctx context.Context, d time.Duration) error
	Rand  *rand.Rand // spreads waits; the shared generator if nil. The client serialises its use.
}

// Client is the way to Gmail for a list of mailboxes. Its methods may be called at once.
type Client struct {
	config   Config
	allowed  map[inbox.MailboxID]bool
	scopes   string // what its tokens are for, as a person has to authorise it
	inFlight int    // how many requests fly at once for one mailbox

	mu       sync.Mutex
	accounts map[inbox.MailboxID]*account
}

// account is what all values for one mailbox share: the token, the bound on requests, and the order of writes.
type account struct {
	address inbox.MailboxID
	users   *api.UsersService
	scopes  string
	writes  sync.Mutex // held while labels are written or created: writes are serial
	now     func() time.Time
	pause   *pause
}

// NewClient checks the configuration. It sends nothing.
func NewClient(c Config) (*Client, error) { return newClient(c, "the scope "+Scope, maxInFlight) }

func newClient(c Config, scopes string, inFlight int) (*Client, error) {
	if c.Tokens == nil {
		return nil, errors.New("gmail: Config.Tokens is missing")
	}
	if c.Endpoint == "" {
		c.Endpoint = DefaultEndpoint
	}
	if !strings.HasSuffix(c.Endpoint, "/") {
		c.Endpoint += "/"
	}
	if c.Transport == nil {
		c.Transport = google.Connections(32) // several mailboxes with maxInFlight requests each
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Sleep == nil {
		c.Sleep = google.Wait
	}
	client := &Client{
		config: c, allowed: map[inbox.MailboxID]bool{}, scopes: scopes, inFlight: inFlight, accounts: map[inbox.MailboxID]*account{},
	}
	for _, m := range c.Mailboxes {
		client.allowed[normal(m)] = true
	}
	return client, nil
}

// account fails with *pipeline.Permanent for a mailbox that is not on the list.
func (c *Client) account(mailbox inbox.MailboxID) (*account, error) {
	mailbox = normal(mailbox)
	if !c.allowed[mailbox] {
		return nil, &pipeline.Permanent{
			What: fmt.Sprintf("gmail: %s is not one of Postroom's mailboxes", mailbox),
			Fix:  "add it under mailboxes in the manifest if it shall be one",
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.accounts[mailbox]; a != nil {
		return a, nil
	}
	p := &pause{now: c.config.Now, jitter: c.jitter}
	t := &google.Transport{
		Base:       c.config.Transport,
		Tokens:     google.NewTokens("", func() (oauth2.TokenSource, error) { return c.config.Tokens(mailbox) }),
		Tries:      maxTries,
		Repeatable: repeatable,
		Turn:       make(slots, c.inFlight).take,
		Wait:       c.config.Sleep,
		Jitter:     c.jitter,
	}
	service, err := api.NewService(context.Background(), option.WithHTTPClient(google.Client(t)), option.WithEndpoint(c.config.Endpoint))
	if err != nil {
		return nil, fmt.Errorf("gmail: client for %s: %w", mailbox, err)
	}
	a := &account{address: mailbox, scopes: c.scopes, users: service.Users, now: c.config.Now, pause: p}
	c.accounts[mailbox] = a
	return a, nil
}

// jitter is between zero and one second.
func (c *Client) jitter() time.Duration {
	if c.config.Rand == nil {
		return rand.N(time.Second)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(c.config.Rand.Int64N(int64(time.Second)))
}

func normal(m inbox.MailboxID) inbox.MailboxID {
	return inbox.MailboxID(inbox.NewAddress(string(m)))
}
