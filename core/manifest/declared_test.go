package manifest_test

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/postroom/postroom/core/manifest"
)

const staff = `version: 1
organisation: {name: Contoso, domains: [contoso.com], timezone: Europe/Copenhagen}
members:
  anna: {name: Anna Berg, email: anna@contoso.com, skills: [billing]}
  bo: {name: Bo Lund, email: bo@contoso.com}
mailboxes:
`

// A mailbox says the same wherever it is declared, numbers as texts too.
func TestDeclaredIsAsInTheFile(t *testing.T) {
	t.Parallel()
	full, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := manifest.Parse("full.yaml", full)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Mailboxes yaml.MapSlice `yaml:"mailboxes"`
	}
	if err := yaml.Unmarshal(full, &doc); err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(full), "mailboxes:\n")
	_, tail, _ := strings.Cut(rest, "\nm365:\n")
	file := head + "m365:\n" + tail
	for name, change := range map[string]func([]byte) []byte{
		"as they are": func(b []byte) []byte { return b },
		"as texts": func(b []byte) []byte {
			return []byte(strings.NewReplacer(`:true`, `:"true"`, `:false`, `:"false"`, `"cap":20`, `"cap":"20"`).Replace(string(b)))
		},
	} {
		var declared []manifest.Declared
		for _, item := range doc.Mailboxes {
			keys, err := yaml.MarshalWithOptions(item.Value, yaml.JSON())
			if err != nil {
				t.Fatal(err)
			}
			var compact any
			if err := json.Unmarshal(keys, &compact); err != nil {
				t.Fatal(err)
			}
			keys, _ = json.Marshal(compact)
			declared = append(declared, manifest.Declared{Address: item.Key.(string), Source: "Custom::PostroomMailbox", JSON: change(keys)})
		}
		if len(declared) != 4 {
			t.Fatalf("%d mailboxes", len(declared))
		}
		got, err := manifest.ParseWith("full.yaml", []byte(file), declared)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		// Tags come in the order of their names out of this test's JSON, so the wishes are compared, which have none.
		if !reflect.DeepEqual(got.Desired(), want.Desired()) {
			t.Errorf("%s: declared mailboxes wish\n%s\nwant\n%s", name, describe(got), describe(want))
		}
	}
}

func TestDeclaredErrors(t *testing.T) {
	t.Parallel()
	const source = "Custom::PostroomMailbox SupportMailbox"
	one := func(address, keys string) manifest.Declared {
		return manifest.Declared{Address: address, Source: source, JSON: []byte(keys)}
	}
	for name, tt := range map[string]struct {
		declared manifest.Declared
		want     string
	}{
		"unknown key":      {one("a@contoso.com", `{"provider":"m365","agents":["anna"],"answerAs":"member"}`), source + ": answerAs: unknown key \"answerAs\"\n      = did you mean \"answer-as\"?"},
		"unknown member":   {one("a@contoso.com", `{"provider":"m365","agents":["anna","ana"]}`), source + ": agents[1]: there is no member \"ana\"\n      = did you mean \"anna\"?"},
		"in a rule":        {one("a@contoso.com", `{"provider":"m365","agents":"anna","rules":[{"then":{"tag":"VIP"}}]}`), source + ": rules[0].then.tag: the mailbox has no tag \"VIP\""},
		"in an if":         {one("a@contoso.com", `{"provider":"m365","agents":"anna","rules":[{"when":{"if":"message.Sise > 1"},"then":{"stop":true}}]}`), source + ": rules[0].when.if: the expression is wrong"},
		"unreachable":      {one("a@contoso.com", `{"provider":"m365","agents":"anna","rules":[{"name":"all","then":{"stop":"true"}},{"name":"x","then":{"stop":true}}]}`), "move it above the rule \"all\""},
		"not a truth":      {one("a@contoso.com", `{"provider":"m365","agents":"anna","hidden":"yes"}`), source + ": hidden: expected true or false, not a text"},
		"not a number":     {one("a@contoso.com", `{"provider":"m365","agents":"anna","assign":{"cap":"many"}}`), source + ": assign.cap: expected a whole number"},
		"twice":            {one("a@contoso.com", `{"provider":"m365","provider":"gmail","agents":"anna"}`), source + ": the key \"provider\" is here a second time\n      = make them one"},
		"no provider":      {one("a@contoso.com", `{"agents":"anna"}`), source + ": the key \"provider\" is missing"},
		"no JSON":          {one("a@contoso.com", `{"provider":`), source + ": this cannot be read as JSON"},
		"more":             {one("a@contoso.com", `{"provider":"gmail"} {}`), source + ": this cannot be read as JSON: there is more after its end"},
		"a list":           {one("a@contoso.com", `[1]`), source + ": expected keys with their values, not a list"},
		"deep":             {one("a@contoso.com", strings.Repeat("[", 100_000)), source + ": this cannot be read as JSON: there are too many brackets"},
		"in the file":      {one("Box@contoso.com", `{"provider":"gmail","agents":"anna"}`), source + ": the mailbox Box@contoso.com is declared in team.yaml too"},
		"alias of another": {one("a@contoso.com", `{"provider":"gmail","agents":"anna","aliases":"box@contoso.com"}`), source + ": aliases: the address box@contoso.com is already one of mailbox box@contoso.com"},
		"no address":       {one("a", `{"provider":"gmail","agents":"anna"}`), source + ": \"a\" is not an address"},
	} {
		m, err := manifest.ParseWith("team.yaml", []byte(staff+"  box@contoso.com: {provider: m365, agents: [anna]}\n"), []manifest.Declared{tt.declared})
		var list *manifest.Errors
		if m != nil || !errors.As(err, &list) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got\n%v\nwant %s", name, err, tt.want)
			continue
		}
		for _, e := range list.List {
			if e.File != source || e.Line != 0 {
				t.Errorf("%s: %+v is not told of the source", name, *e)
			}
		}
	}
	if _, err := manifest.ParseWith("team.yaml", []byte(staff+"  {}\n"), []manifest.Declared{one("a@contoso.com", `{"provider":"gmail","agents":"anna"}`)}); err != nil {
		t.Errorf("a file without mailboxes of its own: %v", err)
	}
	if _, err := manifest.Parse("team.yaml", []byte(staff+"  {}\n")); err == nil {
		t.Error("without any mailbox it parses")
	}
}
