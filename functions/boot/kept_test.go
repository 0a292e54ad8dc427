package boot_test

import (
	"errors"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/boot"
)

// A secret that was replaced is taken up by a process that goes on, once Entra refuses the old one, but not at every try.
func TestReplacedSecretIsTakenUp(t *testing.T) {
	t.Parallel()
	m := parse(t, twoMailboxes)
	d := changed(keyless(), func(d *boot.Deployment) {
		d.GraphCredential, d.GraphSecret, d.GraphLapses = "secret", graphARN, time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
		d.GoogleCredential, d.GoogleSecret = "key", googleARN
	})
	v := newVendors(t, m)
	v.store(graphARN, "old-"+clientSecret)
	v.store(googleARN, googleKey(keyPEM()))
	v.says(oauthHost, 400, `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`)
	creds := d.Credentials(v.sources())
	for range 5 {
		if read(t, creds, m, support) == nil || read(t, creds, m, hello) == nil {
			t.Fatal("no error")
		}
	}
	if n := v.count(secretsHost); n != 2 {
		t.Errorf("%d readings within a minute", n)
	}
	v.store(graphARN, clientSecret)
	v.says(oauthHost, 0, "")
	v.clock.Advance(2 * time.Minute)
	_ = read(t, creds, m, support) // the last try with the old one
	for _, id := range []inbox.MailboxID{support, hello} {
		if err := read(t, creds, m, id); err != nil {
			t.Errorf("with the new secret: %v", err)
		}
	}
}

// A mailbox that Google refuses has the key read anew; that Secrets Manager fails just then stops no other mailbox, whose
// key it is as well.
func TestSecretThatCannotBeReadAnew(t *testing.T) {
	t.Parallel()
	m := parse(t, twoMailboxes)
	d := changed(keyless(), func(d *boot.Deployment) {
		d.GoogleCredential, d.GoogleSecret = "key", googleARN
		d.GraphCredential, d.GraphSecret = "certificate", graphARN
	})
	v := newVendors(t, m)
	v.store(googleARN, googleKey(keyPEM()))
	v.store(graphARN, certificatePEM()+keyPEM())
	v.says(oauthHost, 400, `{"error":"invalid_grant","error_description":"Invalid email or User ID"}`)
	creds := d.Credentials(v.sources())
	if err := read(t, creds, m, hello); err == nil {
		t.Fatal("no error")
	}
	before, err := creds.Lapses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v.clock.Advance(2 * time.Hour)
	if err := read(t, creds, m, hello); err == nil {
		t.Fatal("no error")
	}
	v.says(secretsHost, 500, `{"__type":"InternalServiceError","Message":"An error occurred on the server side."}`)
	v.says(oauthHost, 0, "")
	if err := read(t, creds, m, hello); err != nil {
		t.Errorf("with the key that was read before: %v", err)
	}
	if after, err := creds.Lapses(t.Context()); err != nil || len(after) != 1 || after[0] != before[0] {
		t.Errorf("%v, %v, want %v", after, err, before)
	}
}

// What cannot be had is asked for again after a moment.
func TestMissingSecretIsAskedForAgain(t *testing.T) {
	t.Parallel()
	m := parse(t, twoMailboxes)
	v := newVendors(t, m)
	creds := changed(keyless(), func(d *boot.Deployment) { d.GraphCredential, d.GraphSecret = "certificate", graphARN }).Credentials(v.sources())
	if err := read(t, creds, m, support); err == nil {
		t.Fatal("no error")
	}
	v.store(graphARN, certificatePEM()+keyPEM())
	v.clock.Advance(30 * time.Second)
	if err := read(t, creds, m, support); err != nil {
		t.Error(err)
	}
}

// A token that Graph takes no more is not used until its end: it was revoked, or the machine's clock stood still.
func TestTokenThatGraphRefusesIsReplaced(t *testing.T) {
	t.Parallel()
	m := parse(t, twoMailboxes)
	v := newVendors(t, m)
	creds := keyless().Credentials(v.sources())
	if err := read(t, creds, m, support); err != nil {
		t.Fatal(err)
	}
	v.clock.Advance(2 * time.Minute)
	v.says(graphHost, 401, `{"error":{"code":"InvalidAuthenticationToken","message":"Lifetime validation failed, the token is expired."}}`)
	var permanent *pipeline.Permanent
	for range 5 {
		if err := read(t, creds, m, support); !errors.As(err, &permanent) {
			t.Fatalf("%v, want a permanent error", err)
		}
	}
	before := v.count(stsHost)
	v.says(graphHost, 0, "")
	if err := read(t, creds, m, support); err != nil {
		t.Fatal(err)
	}
	if n := v.tokens(); n != 2 {
		t.Errorf("%d tokens of Entra's, want a second one and no more", n)
	}
	if n := v.count(stsHost) - before; n != 0 {
		t.Errorf("%d more tokens of AWS's", n)
	}
}
