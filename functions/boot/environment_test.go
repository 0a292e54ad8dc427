package boot_test

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/functions/boot"
)

const (
	clientSecret        = "s3cret-of-the-app~x8Q"
	certificatePassword = "p4ssword-of-the-file"
)

// vars are environment variables without their POSTROOM_.
type vars map[string]string

func (v vars) with(name, value string) vars {
	out := vars{name: value}
	for n, x := range v {
		if n != name {
			out[n] = x
		}
	}
	return out
}

func (v vars) load() (boot.Environment, error) {
	return boot.LoadEnvironment(func(name string) string {
		short, ok := strings.CutPrefix(name, "POSTROOM_")
		if !ok {
			return "of another program"
		}
		return v[short]
	})
}

// keyPEM is signer's key, and certificatePEM a certificate for it.
func keyPEM() string {
	der, err := x509.MarshalPKCS8PrivateKey(signer())
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func certificatePEM() string {
	from := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "postroom"},
		NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, from, from, &signer().PublicKey, signer())
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func googleKey(privateKey string) string {
	b, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "contoso-mail", "private_key_id": "1", "private_key": privateKey,
		"client_email": "postroom@contoso-mail.iam.gserviceaccount.com", "client_id": "1", "token_uri": "https://oauth2.googleapis.com/token",
	})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// files writes files into a directory of the test's own and gives the way to each.
func files(t *testing.T, contents map[string]string) func(name string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range contents {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(name string) string { return filepath.Join(dir, name) }
}

// leaks says which secret a text shows, "" for none.
func leaks(text string) string {
	for _, secret := range append(strings.Split(strings.TrimSpace(keyPEM()), "\n")[1:3], clientSecret, certificatePassword) {
		if strings.Contains(text, secret) {
			return secret
		}
	}
	return ""
}

func TestEnvironmentErrorsNameTheVariableAndTheFix(t *testing.T) {
	t.Parallel()
	path := files(t, map[string]string{
		"app.pem": certificatePEM() + keyPEM(), "bare.pem": keyPEM(), "public.pem": certificatePEM(), "noise": "no certificate at all", "empty": "",
		"google.json": googleKey(keyPEM()), "user.json": `{"type":"authorized_user","refresh_token":"` + clientSecret + `"}`,
		"broken.json": `{"type":"service_account","private_key":"` + clientSecret, "odd.json": googleKey(clientSecret),
	})
	graph := vars{"GRAPH_TENANT": "72f988bf-86f1-41af-91ab-2d7cd011db47", "GRAPH_CLIENT": "6731de76-14a6-49ae-97bc-6eba6914391e"}
	both := graph.with("GRAPH_SECRET", clientSecret).with("GOOGLE_KEY", path("google.json"))
	pushed := both.with("URL", "https://postroom.contoso.com").with("GOOGLE_TOPIC", topic).
		with("GOOGLE_SUBSCRIPTION", subscription).with("GOOGLE_PUSH_ACCOUNT", account)
	certified := both.with("GRAPH_SECRET", "").with("GRAPH_CERTIFICATE", path("app.pem"))

	for name, test := range map[string]struct {
		vars
		want []string // parts of the error; none: there is no error
	}{
		"a secret and a key":      {both, nil},
		"a certificate":           {certified, nil},
		"with spaces around":      {certified.with("GRAPH_CERTIFICATE", " "+path("app.pem")+"\n"), nil},
		"pushes":                  {pushed, nil},
		"another cloud":           {both.with("GRAPH_CLOUD", "usgov"), nil},
		"no tenant":               {both.with("GRAPH_TENANT", ""), []string{"POSTROOM_GRAPH_TENANT", "set"}},
		"no client":               {both.with("GRAPH_CLIENT", ""), []string{"POSTROOM_GRAPH_CLIENT", "set"}},
		"a tenant that is none":   {both.with("GRAPH_TENANT", "contoso/../evil"), []string{"POSTROOM_GRAPH_TENANT"}},
		"no credential":           {both.with("GRAPH_SECRET", ""), []string{"POSTROOM_GRAPH_CERTIFICATE", "POSTROOM_GRAPH_SECRET", "set"}},
		"two credentials":         {certified.with("GRAPH_SECRET", clientSecret), []string{"POSTROOM_GRAPH_CERTIFICATE", "POSTROOM_GRAPH_SECRET", "not both"}},
		"unknown cloud":           {both.with("GRAPH_CLOUD", "germany"), []string{"POSTROOM_GRAPH_CLOUD", "germany", "usgov-dod"}},
		"certificate missing":     {certified.with("GRAPH_CERTIFICATE", path("nowhere.pem")), []string{"POSTROOM_GRAPH_CERTIFICATE", "no such file"}},
		"certificate a directory": {certified.with("GRAPH_CERTIFICATE", path(".")), []string{"POSTROOM_GRAPH_CERTIFICATE", "directory"}},
		"certificate is noise":    {certified.with("GRAPH_CERTIFICATE", path("noise")), []string{"POSTROOM_GRAPH_CERTIFICATE", "PEM or PKCS#12"}},
		"certificate empty":       {certified.with("GRAPH_CERTIFICATE", path("empty")), []string{"POSTROOM_GRAPH_CERTIFICATE", "PEM or PKCS#12"}},
		"certificate without key": {certified.with("GRAPH_CERTIFICATE", path("public.pem")), []string{"POSTROOM_GRAPH_CERTIFICATE", "private key"}},
		"key without certificate": {certified.with("GRAPH_CERTIFICATE", path("bare.pem")), []string{"POSTROOM_GRAPH_CERTIFICATE", "certificate"}},
		"a password for PEM":      {certified.with("GRAPH_CERTIFICATE_PASSWORD", certificatePassword), []string{"POSTROOM_GRAPH_CERTIFICATE_PASSWORD", "PKCS#12 alone"}},
		"certificate itself":      {certified.with("GRAPH_CERTIFICATE", certificatePEM()+keyPEM()), []string{"POSTROOM_GRAPH_CERTIFICATE", "write it to a file"}},
		"no key":                  {both.with("GOOGLE_KEY", ""), []string{"POSTROOM_GOOGLE_KEY", "set"}},
		"key missing":             {both.with("GOOGLE_KEY", path("nowhere.json")), []string{"POSTROOM_GOOGLE_KEY", "no such file"}},
		"key itself":              {both.with("GOOGLE_KEY", googleKey(keyPEM())), []string{"POSTROOM_GOOGLE_KEY", "write it to a file"}},
		"key in base64":           {both.with("GOOGLE_KEY", strings.Split(keyPEM(), "\n")[1]), []string{"POSTROOM_GOOGLE_KEY", "no such file"}},
		"key of a person":         {both.with("GOOGLE_KEY", path("user.json")), []string{"POSTROOM_GOOGLE_KEY", "service-account key", "download"}},
		"key cut off":             {both.with("GOOGLE_KEY", path("broken.json")), []string{"POSTROOM_GOOGLE_KEY", "service-account key", "download"}},
		"key that is none":        {both.with("GOOGLE_KEY", path("odd.json")), []string{"POSTROOM_GOOGLE_KEY", "service-account key", "download"}},
		"URL by http":             {both.with("URL", "http://postroom.contoso.com"), []string{"POSTROOM_URL", "https"}},
		"URL by http, here":       {both.with("URL", "http://localhost:8025/"), nil},
		"URL by ftp, here":        {both.with("URL", "ftp://localhost"), []string{"POSTROOM_URL", "https"}},
		"URL without host":        {both.with("URL", "https://"), []string{"POSTROOM_URL", "https"}},
		"URL without scheme":      {both.with("URL", "postroom.contoso.com"), []string{"POSTROOM_URL", "https"}},
		"URL with a query":        {both.with("URL", "https://postroom.contoso.com/?a=b"), []string{"POSTROOM_URL", "https"}},
		"URL with a fragment":     {both.with("URL", "https://postroom.contoso.com/#top"), []string{"POSTROOM_URL", "https"}},
		"URL with a password":     {both.with("URL", "https://a:"+clientSecret+"@contoso.com"), []string{"POSTROOM_URL", "https"}},
		"URL that is none":        {both.with("URL", "https://a:"+clientSecret+"@[::1"), []string{"POSTROOM_URL", "https"}},
		"topic by its short name": {pushed.with("GOOGLE_TOPIC", "postroom"), []string{"POSTROOM_GOOGLE_TOPIC", "projects/PROJECT/topics/TOPIC"}},
		"subscription is a topic": {pushed.with("GOOGLE_SUBSCRIPTION", topic), []string{"POSTROOM_GOOGLE_SUBSCRIPTION", "projects/PROJECT/subscriptions/"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := test.load()
			if err == nil {
				_, err = e.Clients(parse(t, twoMailboxes))
			}
			switch {
			case err == nil && len(test.want) == 0:
				return
			case err == nil || len(test.want) == 0:
				t.Fatalf("the error is %v, want one with %q", err, test.want)
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q lacks %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has more than one line: %q", err)
			}
			if secret := leaks(err.Error()); secret != "" {
				t.Errorf("the error shows %q: %v", secret, err)
			}
		})
	}
}

func TestGooglesTrioGoesTogether(t *testing.T) {
	t.Parallel()
	trio := []string{"GOOGLE_TOPIC", "GOOGLE_SUBSCRIPTION", "GOOGLE_PUSH_ACCOUNT"}
	values := []string{topic, subscription, account}
	for set := range 1 << len(trio) {
		v := vars{}
		for i, name := range trio {
			if set&(1<<i) != 0 {
				v[name] = values[i]
			}
		}
		_, err := v.load()
		if ok := set == 0 || set == 1<<len(trio)-1; (err == nil) != ok {
			t.Errorf("with %v set the error is %v", v, err)
		}
		if err == nil {
			continue
		}
		for _, name := range trio {
			if !strings.Contains(err.Error(), "POSTROOM_"+name) {
				t.Errorf("%q does not name POSTROOM_%s", err, name)
			}
		}
	}
}

func TestEnvironmentReadsOnlyWhatTheManifestNeeds(t *testing.T) {
	t.Parallel()
	e, err := vars{}.load()
	if err != nil {
		t.Fatal(err)
	}
	if e.Listen != "127.0.0.1:8025" || e.URL != "" {
		t.Errorf("by default it listens at %q for %q", e.Listen, e.URL)
	}
	for line, v := range map[string]vars{
		"support@contoso.com": {"GOOGLE_KEY": files(t, map[string]string{"key.json": googleKey(keyPEM())})("key.json")},
		"hello@contoso.com":   {"GRAPH_TENANT": "contoso.com", "GRAPH_CLIENT": "6731de76-14a6-49ae-97bc-6eba6914391e", "GRAPH_SECRET": clientSecret},
	} {
		var one strings.Builder // without the mailbox of that provider
		for l := range strings.Lines(twoMailboxes) {
			if !strings.Contains(l, line) {
				one.WriteString(l)
			}
		}
		e, err := v.load()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Clients(parse(t, one.String())); err != nil {
			t.Errorf("without %s: %v", line, err)
		}
		if _, err := e.Clients(parse(t, twoMailboxes)); err == nil {
			t.Errorf("with %s there is no error", line)
		}
	}
}

func TestEnvironmentShowsNoSecret(t *testing.T) {
	t.Parallel()
	e, err := vars{"GRAPH_SECRET": clientSecret, "GRAPH_CERTIFICATE_PASSWORD": certificatePassword, "URL": "https://postroom.contoso.com/"}.load()
	if err != nil {
		t.Fatal(err)
	}
	if string(e.GraphSecret) != clientSecret || string(e.GraphCertificatePassword) != certificatePassword {
		t.Error("the secrets were not read")
	}
	encoded, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("started", "environment", e, "pointer", &e, "secret", e.GraphSecret)
	}
	shown := map[string]string{"JSON": string(encoded), "slog": log.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown[verb] = fmt.Sprintf(verb, e)
		shown[verb+" of the pointer"] = fmt.Sprintf(verb, &e)
		shown[verb+" of the secret"] = fmt.Sprintf(verb, e.GraphSecret)
	}
	for how, text := range shown {
		hex := fmt.Sprintf("%x", clientSecret)
		if secret := leaks(text); secret != "" || strings.Contains(text, hex) {
			t.Errorf("%s shows a secret: %s", how, text)
		}
		if how != "%d" && !strings.Contains(how, "%x") && !strings.Contains(text, "hidden") {
			t.Errorf("%s does not say that there is a secret: %s", how, text)
		}
	}
}
