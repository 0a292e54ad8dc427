package web_test

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"sync"
	"testing"
	"time"
)

// claims of a push token, to be changed by a test.
type claims map[string]any

const (
	audience     = "https://hooks.contoso.com/hooks/gmail"
	account      = "push@contoso-mail.iam.gserviceaccount.com"
	subscription = "projects/contoso-mail/subscriptions/postroom"
	keyID        = "key-1"
)

// pushClaims are what the documents show of a push token.
func pushClaims() claims {
	return claims{
		"iss": "https://accounts.google.com", "aud": audience, "azp": "113774264463038321964", "sub": "113774264463038321964",
		"email": account, "email_verified": true, "iat": noon.Add(-time.Minute).Unix(), "exp": noon.Add(59 * time.Minute).Unix(),
	}
}

func (c claims) with(key string, value any) claims {
	d := maps.Clone(c)
	d[key] = value
	return d
}

func (c claims) without(key string) claims {
	d := maps.Clone(c)
	delete(d, key)
	return d
}

var google, stranger = sync.OnceValue(newKey), sync.OnceValue(newKey)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func encode(tb testing.TB, v any) string {
	tb.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return b64(b)
}

// sign makes a compact JWT as Google does.
func sign(tb testing.TB, key *rsa.PrivateKey, c claims) string {
	tb.Helper()
	return signAs(tb, key, map[string]any{"alg": "RS256", "kid": keyID, "typ": "JWT"}, c)
}

// signAs signs with RS256 whatever the header says.
func signAs(tb testing.TB, key *rsa.PrivateKey, header map[string]any, c claims) string {
	tb.Helper()
	head := encode(tb, header) + "." + encode(tb, c)
	sum := sha256.Sum256([]byte(head))
	sig, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		tb.Fatal(err)
	}
	return head + "." + b64(sig)
}

// signHMAC signs with HS256 and a public key as the secret: what a verifier accepts that lets the token choose.
func signHMAC(tb testing.TB, secret []byte, c claims) string {
	tb.Helper()
	head := encode(tb, map[string]any{"alg": "HS256", "kid": keyID}) + "." + encode(tb, c)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(head))
	return head + "." + b64(mac.Sum(nil))
}

func publicDER(tb testing.TB, key *rsa.PrivateKey) []byte {
	tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

func publicPEM(tb testing.TB, key *rsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER(tb, key)})
}

// jwk is a key as a JSON Web Key Set holds it.
func jwk(kid string, key *rsa.PrivateKey) map[string]any {
	return map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
		"n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes()),
	}
}

func jwks(tb testing.TB, keys ...map[string]any) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(map[string]any{"keys": keys}); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}
