package local_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
)

const (
	support = "support@contoso.com" // at Microsoft 365
	hello   = "hello@contoso.com"   // at Google

	topic        = "projects/contoso-mail/topics/postroom"
	subscription = "projects/contoso-mail/subscriptions/postroom"
	pushAccount  = "push@contoso-mail.iam.gserviceaccount.com"
)

const twoMailboxes = `
version: 1
organisation: {name: Contoso, domains: [contoso.com], timezone: Europe/Copenhagen}
members:
  one: {name: Anna Berg, email: anna@contoso.com}
  two: {name: Bo Dahl, email: bo@contoso.com}
mailboxes:
  support@contoso.com: {provider: m365, name: Support, agents: [one, two], leads: [one], assign: {strategy: least-loaded}, backlog: triage unread}
  hello@contoso.com: {provider: gmail, name: Hello, agents: [one, two], leads: [two], assign: {strategy: round-robin}, backlog: triage unread}
`

// clock is this machine's, put forward as a test says: what runs out in the world runs out so, while the functions go by the
// machine's own.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// signer stands for Google's key.
var signer = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// keySet serves the signer's public half as Google serves its own.
func keySet(w http.ResponseWriter, _ *http.Request) {
	public := signer().PublicKey
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=19000")
	json.NewEncoder(w).Encode(map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "key-1",
		"n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
	}}})
}

// token is what Google sends with a push.
func token(audience string) string {
	now := time.Now()
	encode := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err) // a map of strings and numbers
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	head := encode(map[string]any{"alg": "RS256", "kid": "key-1", "typ": "JWT"}) + "." + encode(map[string]any{
		"iss": "https://accounts.google.com", "aud": audience, "sub": "113774264463038321964",
		"email": pushAccount, "email_verified": true, "iat": now.Add(-time.Minute).Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	sum := sha256.Sum256([]byte(head))
	signature, err := rsa.SignPKCS1v15(nil, signer(), crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return head + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// letter is a mail of ordinary size from the nth customer.
func letter(n int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "Received: from mx%d.example.com by mx.contoso.com with ESMTPS id %d; Mon, 02 Mar 2026 09:00:00 +0000\r\n", n%7, n)
	fmt.Fprintf(&b, "Return-Path: <c%d@example.com>\r\nAuthentication-Results: mx.contoso.com; dkim=pass; spf=pass; dmarc=pass\r\n", n)
	fmt.Fprintf(&b, "From: Customer Number %d <c%d@example.com>\r\nTo: Support <support@contoso.com>\r\nSubject: Question %d about my order\r\n", n, n, n)
	fmt.Fprintf(&b, "Message-ID: <%d@example.com>\r\nDate: Mon, 02 Mar 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\n", n)
	b.WriteString("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
	for range 20 {
		b.WriteString("My order has not come yet, and I would like to know where it is, please.\r\n")
	}
	return []byte(b.String())
}

// receive lets a mail come in at a mailbox, now by the world's clock.
func (s *site) receive(id inbox.MailboxID, raw []byte) inbox.MessageID {
	s.Helper()
	var got string
	var err error
	if s.atGoogle(id) {
		got, err = s.Gmail.Receive(string(id), raw)
	} else {
		got, err = s.Graph.Receive(string(id), raw)
	}
	s.must(err)
	return inbox.MessageID(got)
}

func (s *site) atGoogle(id inbox.MailboxID) bool { return s.providers[id] == manifest.Gmail }

func parse(t testing.TB, text string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Parse("postroom.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// markers are what a mail carries of ours and of others, without what the provider itself puts on.
func (s *site) markers(id inbox.MailboxID, m inbox.MessageID) (list []inbox.Marker, there bool) {
	if !s.atGoogle(id) {
		got, err := s.Graph.Message(string(id), string(m))
		for _, c := range got.Categories {
			list = append(list, inbox.Marker(c))
		}
		return list, err == nil
	}
	got, err := s.Gmail.Message(string(id), string(m))
	for _, l := range got.Labels {
		switch l {
		case "INBOX", "UNREAD", "SENT", "DRAFT", "TRASH", "SPAM":
		default:
			list = append(list, inbox.Marker(l))
		}
	}
	return list, err == nil
}
