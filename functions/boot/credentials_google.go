package boot

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/identity"
	"github.com/postroom/postroom/providers/gmail"
)

// secretTime bounds reading a secret where no caller's context is at hand.
const secretTime = 10 * time.Second

// googleTokens prepares the tokens of the credential that the deployment names. What is wrong with it, a token says.
func (c *Credentials) googleTokens() gmail.Tokens {
	d := c.deployment
	never := func(err error) gmail.Tokens {
		return func(inbox.MailboxID) (oauth2.TokenSource, error) { return nil, err }
	}
	switch d.GoogleCredential {
	case "federated":
		tokens, err := gmail.Federation{
			Provider: d.GoogleProvider, Account: d.GoogleAccount, Transport: c.from.Transport, Now: c.from.Now,
			Proof: identity.Caller{Credentials: c.from.AWS, Region: c.from.Region, Now: c.from.Now}.Proof,
		}.Tokens()
		if err != nil {
			return never(&pipeline.Permanent{What: "the deployment's credential for Google", Err: err,
				Fix: "correct POSTROOM_GOOGLE_PROVIDER and POSTROOM_GOOGLE_ACCOUNT"})
		}
		return tokens
	case "key":
		key := &kept[gmail.Tokens]{now: c.from.Now, fresh: c.serviceAccount}
		return func(mailbox inbox.MailboxID) (oauth2.TokenSource, error) {
			return keyed{key: key, mailbox: mailbox}, nil
		}
	}
	return never(misconfigured("Google", "set POSTROOM_GOOGLE_CREDENTIAL to federated or key"))
}

func (c *Credentials) serviceAccount(ctx context.Context) (gmail.Tokens, error) {
	arn := c.deployment.GoogleSecret
	key, err := identity.Secret(ctx, c.from.Secrets, arn)
	if err != nil {
		return nil, err
	}
	tokens, err := gmail.ServiceAccount(key, c.from.Transport)
	if err != nil {
		return nil, &pipeline.Permanent{What: "the key in " + arn, Err: err, Fix: "store the downloaded file in that secret as it is"}
	}
	return tokens, nil
}

// keyed gives a mailbox's tokens by the service account's key. A key that Google refuses is read anew, once a minute at
// most.
type keyed struct {
	key     *kept[gmail.Tokens]
	mailbox inbox.MailboxID
}

// Token implements oauth2.TokenSource.
func (k keyed) Token() (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(context.Background(), secretTime)
	defer cancel()
	tokens, err := k.key.get(ctx)
	if err != nil {
		return nil, err
	}
	source, err := tokens(k.mailbox)
	if err != nil {
		return nil, err
	}
	token, err := source.Token()
	if err != nil {
		k.key.failed()
	}
	return token, err
}

// Format shows the mailbox and no key, whatever the verb.
func (k keyed) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "tokens for %s", k.mailbox) }
