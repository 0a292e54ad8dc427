package manifest_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/provision"
)

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"provider": "m365", "agents": ["anna"], "access": {"x@contoso.com": ["open", "unmapped"]}, "quota": "49 GB", "hidden": "true"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := manifest.Parse("fuzz.yaml", data)
		if err != nil && json.Valid(data) {
			m, err = manifest.ParseWith("fuzz.yaml", []byte(staff+"  {}\n"), []manifest.Declared{{Address: "a@contoso.com", Source: "fuzz", JSON: data}})
		}
		if err == nil {
			for _, wish := range m.Desired() {
				for f, v := range wish.Facts {
					if !utf8.ValidString(f.Subject) || strings.ContainsAny(f.Subject+v, "\x00\x1b") && f.Aspect != provision.Signature {
						t.Errorf("wish %q is %q", f, v)
					}
				}
			}
			for _, box := range m.Mailboxes() {
				seen := map[inbox.Marker]bool{}
				for _, s := range box.Styles {
					if s.Marker == "" || s.Color == "" || seen[s.Marker] {
						t.Errorf("style %+v", s)
					}
					seen[s.Marker] = true
				}
				box.Policy.Rules.Match(inbox.Message{Subject: "x", Body: "y", Size: 1})
			}
			return
		}
		var all *manifest.Errors
		if m != nil || !errors.As(err, &all) || len(all.List) == 0 || len(all.List) > 20 {
			t.Fatalf("got %v and %v", m, err)
		}
		for _, e := range all.List {
			text := e.Error()
			if e.File == "fuzz.yaml" && (e.Line < 1 || e.Column < 1) || e.Text == "" || !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\x1b\r") || len(text) > 5000 {
				t.Errorf("error %+v shows as %q", *e, text)
			}
		}
	})
}
