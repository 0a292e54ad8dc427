package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/postroom/postroom/functions/web"
)

// demoTokenLife is how long a push token is good for, as Google's are ("Authentication for push subscriptions").
const demoTokenLife = time.Hour

// demoSigner signs push tokens in Google's place, so that the demo's pushes go through the same checks as Google's. Its
// key lives as long as the process.
type demoSigner struct {
	key     *rsa.PrivateKey
	now     func() time.Time
	last    string
	expires time.Time
}

func newDemoSigner(now func() time.Time) (*demoSigner, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make a key for push tokens: %w", err)
	}
	return &demoSigner{key: key, now: now}, nil
}

// keys is what the hook checks tokens against.
func (s *demoSigner) keys() oidc.KeySet {
	return &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{s.key.Public()}}
}

// token gives a token that is good now. It is called by one goroutine at a time.
func (s *demoSigner) token() string {
	now := s.now()
	if now.Add(time.Minute).Before(s.expires) {
		return s.last
	}
	s.expires = now.Add(demoTokenLife)
	header, _ := json.Marshal(map[string]string{"alg": "RS256", "typ": "JWT", "kid": "demo"})
	claims, _ := json.Marshal(map[string]any{
		"iss": "https://accounts.google.com", "aud": demoURL + web.GmailPath, "sub": "100000000000000000001",
		"email": demoPushAccount, "email_verified": true, "iat": now.Unix(), "exp": s.expires.Unix(),
	})
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	if err != nil {
		return "" // the hook refuses it, and the delivery says so
	}
	s.last = signed + "." + base64.RawURLEncoding.EncodeToString(signature)
	return s.last
}
