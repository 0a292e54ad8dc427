package document_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/document"
	"github.com/postroom/postroom/infra/document/documentsim"
	"github.com/postroom/postroom/providers/fault"
)

func TestAnObjectWithVersions(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.sim.SetBucket("config", documentsim.Enabled)
	put := func(content string) string {
		v, err := a.sim.Put("config", "teams/postroom.yaml", []byte(content))
		a.must(err)
		return v
	}
	d := a.open(object)
	one := put("one")
	if v := a.latest(d, "", "one"); v != one {
		t.Errorf("version %q, want %q", v, one)
	}
	for range 3 {
		a.latest(d, one, "-")
	}
	if n := a.sim.Reads("config/teams/postroom.yaml"); n != 1 {
		t.Errorf("the content was read %d times, want once", n)
	}
	two := put("two")
	if v := a.latest(d, one, "two"); v != two {
		t.Errorf("version %q, want %q", v, two)
	}
	three := put("one") // put back: a new version all the same
	if v := a.latest(d, two, "one"); v != three || three == one {
		t.Errorf("version %q, want %q", v, three)
	}
	a.latest(d, "7", "one") // of another document, as after a change of POSTROOM_MANIFEST
	a.at(d, one, "one")
	a.at(d, two, "two")
	put("")
	if _, content, err := d.Latest(t.Context(), three); err != nil || content == nil || len(content) != 0 {
		t.Errorf("an empty object is %v, %v", content, err)
	}
}

func TestAnObjectWithoutVersions(t *testing.T) {
	t.Parallel()
	for _, versioning := range []documentsim.Versioning{documentsim.Unversioned, documentsim.Suspended} {
		a := newAccount(t)
		a.sim.SetBucket("config", versioning)
		put := func(content string) {
			_, err := a.sim.Put("config", "teams/postroom.yaml", []byte(content))
			a.must(err)
		}
		d := a.open(object)
		put("one")
		one := a.latest(d, "", "one")
		a.latest(d, one, "-")
		a.at(d, one, "one") // as long as nobody replaces it
		if n := a.sim.Reads("config/teams/postroom.yaml"); n != 2 {
			t.Errorf("the content was read %d times, want twice", n)
		}
		put("two")
		two := a.latest(d, one, "two")
		if two == one {
			t.Error("two contents have one version")
		}
		_, err := d.At(t.Context(), one)
		permanent(t, err, "turn on versioning of the bucket config", object)
		// Versioning is turned on, and what was there before it can be told from what comes after.
		a.sim.SetBucket("config", documentsim.Enabled)
		a.latest(d, two, "-")
		put("three")
		three := a.latest(d, two, "three")
		put("four")
		a.latest(d, three, "four")
		a.at(d, three, "three")
	}
}

func TestAnObjectThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		uri   string
		spoil func(a *account)
		want  []string
	}{
		{"no bucket", "s3://other/postroom.yaml", nil, []string{"no bucket other", "POSTROOM_MANIFEST"}},
		{"no key", "s3://config/none.yaml", nil, []string{"has no object none.yaml", "aws s3 cp postroom.yaml s3://config/none.yaml"}},
		{"no key, and no right to know it", "s3://config/none.yaml", func(a *account) { a.sim.Deny("s3:ListBucket") }, []string{"allow s3:GetObject", "s3:ListBucket"}},
		{"no right", object, func(a *account) { a.sim.Deny("s3:GetObject") }, []string{"allow s3:GetObject", "s3:GetObjectVersion", "kms:Decrypt"}},
		{"deleted", object, func(a *account) { a.must(a.sim.Delete("config", "teams/postroom.yaml")) }, []string{"has no object", "aws s3 cp"}},
		{"too large", object, func(a *account) {
			_, err := a.sim.Put("config", "teams/postroom.yaml", bytes.Repeat([]byte("x"), document.MaxSize+1))
			a.must(err)
		}, []string{"more than 5242880 bytes"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t)
			a.sim.SetBucket("config", documentsim.Enabled)
			v, err := a.sim.Put("config", "teams/postroom.yaml", []byte("one"))
			a.must(err)
			if tt.spoil != nil {
				tt.spoil(a)
			}
			for _, have := range []string{"", v, `etag:"x"`} { // by GET, by HEAD, and with If-None-Match
				got, content, err := a.open(tt.uri).Latest(t.Context(), have)
				permanent(t, err, append(tt.want, tt.uri)...)
				if got != "" || content != nil {
					t.Errorf("%q and %d bytes beside an error", got, len(content))
				}
			}
		})
	}
}

func TestAVersionThatIsNotThere(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.sim.SetBucket("config", documentsim.Enabled)
	_, err := a.sim.Put("config", "teams/postroom.yaml", []byte("one"))
	a.must(err)
	for _, v := range []string{"v0", "7"} {
		_, err = a.open(object).At(t.Context(), v)
		permanent(t, err, object, v)
	}
}

// Whoever turns versioning on, as the error about a lost version says, has what was there before kept from then on.
func TestVersioningThatIsTurnedOn(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.sim.SetBucket("config", documentsim.Unversioned)
	put := func(content string) {
		_, err := a.sim.Put("config", "teams/postroom.yaml", []byte(content))
		a.must(err)
	}
	d := a.open(object)
	put("one")
	one := a.latest(d, "", "one")
	a.sim.SetBucket("config", documentsim.Enabled)
	a.latest(d, one, "-")
	put("two")
	a.latest(d, one, "two")
	a.at(d, one, "one")
	a.sim.SetBucket("config", documentsim.Suspended)
	put("three") // takes the place of what was there before
	_, err := d.At(t.Context(), one)
	permanent(t, err, "replaced", "versioning")
}

// Not every 403 is about the permissions of the role: some pass, and an archived object has another fix.
func TestRefusalsThatAreNoLackOfPermission(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status  int
		code    string
		message string
		want    string // of the fix; "": it may pass
	}{
		{403, "AccessDenied", "User: arn:aws:sts::000000000000:assumed-role/sync/sync is not authorized to perform: s3:GetObject", "allow s3:GetObject"},
		{403, "InvalidObjectState", "The operation is not valid for the object's storage class", "archive"},
		{403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", ""},
		{403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", ""},
		{403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.", ""},
		{400, "ExpiredToken", "The provided token has expired.", ""},
	} {
		t.Run(tt.code, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/xml")
				w.WriteHeader(tt.status)
				fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", tt.code, tt.message)
			}))
			defer server.Close()
			a := newAccount(t)
			d, err := document.Open(object, s3.New(a.objects.Options(), func(o *s3.Options) { o.BaseEndpoint = &server.URL }), nil)
			a.must(err)
			_, _, err = d.Latest(t.Context(), "v1")
			if tt.want != "" {
				permanent(t, err, tt.code, tt.want)
				return
			}
			if p := (*pipeline.Permanent)(nil); err == nil || errors.As(err, &p) || !strings.Contains(err.Error(), tt.code) {
				t.Errorf("%v, want an error that passes", err)
			}
		})
	}
}

func TestTheLargestObject(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.sim.SetBucket("config", documentsim.Enabled)
	_, err := a.sim.Put("config", "teams/postroom.yaml", bytes.Repeat([]byte("x"), document.MaxSize))
	a.must(err)
	if _, content, err := a.open(object).Latest(t.Context(), ""); err != nil || len(content) != document.MaxSize {
		t.Errorf("%d bytes, %v", len(content), err)
	}
}

// What may pass by itself is no *Permanent: the last good document goes on and nobody is called.
func TestAnOutage(t *testing.T) {
	t.Parallel()
	for _, kind := range []fault.Kind{fault.Unavailable, fault.Reset, fault.Throttle} {
		for _, uri := range []string{object, parameter} {
			a := newAccount(t)
			a.sim.SetBucket("config", documentsim.Enabled)
			v, err := a.sim.Put("config", "teams/postroom.yaml", []byte("one"))
			a.must(err)
			a.sim.PutParameter("/postroom/manifest", "one")
			a.sim.Dial = &fault.Dial{}
			a.sim.Dial.Add(fault.Rule{Kind: kind})
			for _, have := range []string{"", v} {
				_, content, err := a.open(uri).Latest(t.Context(), have)
				if p := (*pipeline.Permanent)(nil); err == nil || errors.As(err, &p) || content != nil || !strings.Contains(err.Error(), uri) {
					t.Errorf("%s of %s: %v", kind, uri, err)
				}
			}
		}
	}
}
