package document_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/postroom/postroom/infra/document"
)

func TestAParameter(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	d := a.open(parameter)
	a.sim.PutParameter("/postroom/manifest", "one")
	if v := a.latest(d, "", "one"); v != "1" {
		t.Errorf("version %q", v)
	}
	a.latest(d, "1", "-")
	a.sim.PutParameter("/postroom/manifest", "two")
	if v := a.latest(d, "1", "two"); v != "2" {
		t.Errorf("version %q", v)
	}
	a.latest(d, "v0000", "two") // of another document
	a.at(d, "1", "one")
	a.at(d, "2", "two")
	for _, v := range []string{"0", "-1", "x", "", "1:2", "9999999999999999999"} {
		if content, err := d.At(t.Context(), v); err == nil {
			t.Errorf("version %q is %q", v, content)
		}
	}
	_, err := d.At(t.Context(), "3")
	permanent(t, err, "no such version", parameter)
	for i := range 100 {
		a.sim.PutParameter("/postroom/manifest", fmt.Sprint("more ", i))
	}
	_, err = d.At(t.Context(), "2") // SSM keeps a hundred
	permanent(t, err, "the last 100")
	a.at(d, "3", "more 0")
}

func TestAParameterThatCannotBeRead(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	_, _, err := a.open(parameter).Latest(t.Context(), "")
	permanent(t, err, "no parameter /postroom/manifest", "aws ssm put-parameter", "--name /postroom/manifest")
	a.sim.PutParameter("/postroom/manifest", "one")
	for _, action := range []string{"ssm:GetParameter", "kms:Decrypt"} {
		a.sim.Deny(action)
		_, _, err = a.open(parameter).Latest(t.Context(), "")
		permanent(t, err, action, parameter)
		a.sim.Allow(action)
	}
	a.latest(a.open(parameter), "", "one")
	a.sim.PutParameter("/postroom/manifest", strings.Repeat("x", document.MaxSize+1))
	_, _, err = a.open(parameter).Latest(t.Context(), "")
	permanent(t, err, "more than 5242880 bytes")
}

func TestOpen(t *testing.T) {
	t.Parallel()
	for uri, ok := range map[string]bool{
		"s3://config/postroom.yaml":   true,
		"s3://my.bucket-1/a/b c.yaml": true,
		"s3://config/":                false,
		"s3://config":                 false,
		"s3:///postroom.yaml":         false,
		"s3://Config/postroom.yaml":   false,
		"s3://c/postroom.yaml":        false,
		"ssm:/postroom/manifest":      true,
		"ssm:manifest":                true,
		"ssm:post/manifest":           false, // a name with a hierarchy begins with a slash
		"ssm://postroom/manifest":     false,
		"ssm:/postroom:3":             false, // a selector would pin a version
		"ssm:":                        false,
		"ssm:/a b":                    false,
		"postroom.yaml":               false,
		"https://config/x":            false,
		"":                            false,
	} {
		d, err := document.Open(uri, nil, nil)
		if (err == nil) != ok {
			t.Errorf("Open(%q): %v", uri, err)
		}
		if err == nil && d.String() != uri {
			t.Errorf("%q is named %q", uri, d)
		}
		if err != nil && !strings.Contains(err.Error(), "write ") {
			t.Errorf("Open(%q): %v does not say what to write", uri, err)
		}
	}
}
