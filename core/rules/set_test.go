package rules_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/rules"
)

func like(list ...string) rules.Condition   { return rules.Condition{Any: list} }
func unlike(list ...string) rules.Condition { return rules.Condition{Not: list} }

func people(list ...inbox.Address) (out []inbox.Person) {
	for _, a := range list {
		out = append(out, inbox.Person{Address: a})
	}
	return out
}

var letter = inbox.Message{
	From:    inbox.Person{Name: "Bob", Address: "bob@fabrikam.com"},
	To:      people("support@contoso.com"),
	Cc:      people("boss@mail.fabrikam.com", "second@adatum.com"),
	Subject: "Réclamation: Refund for INV-2041",
	Body:    "Hello,\nplease send the money\nback.\nOrder 77-B\n返金をお願いします。\nأريد استِرداد المال\n",
	Header: []inbox.Field{{Name: "List-Id", Value: "News <news.fabrikam.com>"}, {Name: "X-Priority", Value: "1"}, {Name: "x-priority", Value: "High"},
		{Name: "Delivered-To", Value: "sales@contoso.com"}, {Name: "X-Original-To", Value: "<help@contoso.com>, odd"}},
	Attachments: []inbox.Attachment{{Name: "Rechnung März.PDF", Type: "application/pdf", Size: 3 << 20}, {Name: "logo.png", Type: "image/png"}},
	Size:        6 << 20,
}

func TestConditions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		when rules.When
		why  string // empty: no match
	}{
		{"no conditions", rules.When{}, "the rule has no conditions"},
		{"subject contains", rules.When{Subject: like("nothing", "REFUND")}, `subject contains "REFUND"`},
		{"subject accents", rules.When{Subject: like("reclamation")}, `subject contains "reclamation"`},
		{"subject glob is whole", rules.When{Subject: like("refund*")}, ""},
		{"subject glob", rules.When{Subject: like("récl*inv-*")}, `subject matches "récl*inv-*"`},
		{"subject not", rules.When{Subject: unlike("invoice", "inv*")}, `subject does not contain "invoice"; subject does not match "inv*"`},
		{"subject not fails", rules.When{Subject: unlike("invoice", "refund")}, ""},
		{"subject and not", rules.When{Subject: rules.Condition{Any: []string{"refund"}, Not: []string{"refund for inv"}}}, ""},
		{"a star itself", rules.When{Subject: like(`refund \*`)}, ""},
		{"body over a line break", rules.When{Body: like("money back")}, `body contains "money back"`},
		{"body glob is a line", rules.When{Body: like("order *")}, `a line of the body matches "order *"`},
		{"body glob is a whole line", rules.When{Body: like("rder *")}, ""},
		{"body not glob", rules.When{Body: unlike("order*")}, ""},
		{"body Japanese", rules.When{Body: like("返金")}, `body contains "返金"`},
		{"body Arabic", rules.When{Body: like("اريد استرداد")}, `body contains "اريد استرداد"`},
		{"from address", rules.When{From: like("Bob@Fabrikam.com")}, "from is bob@fabrikam.com"},
		{"from domain", rules.When{From: like("fabrikam.com")}, "from fabrikam.com matches bob@fabrikam.com"},
		{"from @domain", rules.When{From: like("@fabrikam.com")}, "from @fabrikam.com matches bob@fabrikam.com"},
		{"from glob", rules.When{From: like("*@fabrikam.com")}, "from *@fabrikam.com matches bob@fabrikam.com"},
		{"from start", rules.When{From: like("bo*")}, "from bo* matches bob@fabrikam.com"},
		{"from part of a domain", rules.When{From: like("rikam.com")}, ""},
		{"from not", rules.When{From: unlike("*@contoso.com")}, "from is not *@contoso.com"},
		{"from not fails", rules.When{From: unlike("fabrikam.com")}, ""},
		{"cc domain has no subdomains", rules.When{Cc: like("fabrikam.com")}, ""},
		{"cc subdomain", rules.When{Cc: like("*.fabrikam.com")}, "cc *.fabrikam.com matches boss@mail.fabrikam.com"},
		{"cc second", rules.When{Cc: like("adatum.com")}, "cc adatum.com matches second@adatum.com"},
		{"cc none", rules.When{Cc: unlike("contoso.com")}, "no cc is contoso.com"},
		{"to", rules.When{To: like("support@*")}, "to support@* matches support@contoso.com"},
		{"to alias", rules.When{To: like("sales@contoso.com")}, "to is sales@contoso.com"},
		{"to original", rules.When{To: like("help@contoso.com")}, "to is help@contoso.com"},
		{"to not cc", rules.When{To: like("second@adatum.com")}, ""},
		{"header", rules.When{Header: []rules.Header{{"list-id", like("news")}}}, `header list-id contains "news"`},
		{"header second field", rules.When{Header: []rules.Header{{"X-Priority", like("high")}}}, `header X-Priority contains "high"`},
		{"header absent", rules.When{Header: []rules.Header{{"X-None", unlike("*")}}}, `header X-None does not match "*"`},
		{"header present", rules.When{Header: []rules.Header{{"X-None", like("*")}}}, ""},
		{"attachment extension", rules.When{Attachment: like(".pdf")}, "attachment .pdf matches Rechnung März.PDF"},
		{"attachment glob", rules.When{Attachment: like("rechnung m*")}, "attachment rechnung m* matches Rechnung März.PDF"},
		{"attachment type", rules.When{Attachment: like("image/*")}, "attachment image/* matches image/png"},
		{"attachment name is whole", rules.When{Attachment: like("logo")}, ""},
		{"attachment none", rules.When{Attachment: unlike("*.exe", "video/*")}, "no attachment is *.exe; no attachment is video/*"},
		{"size over", rules.When{Size: like("> 5MB")}, "size 6.0 MB is > 5MB"},
		{"size words", rules.When{Size: like("under 1 KB", "over 5.5 MB")}, "size 6.0 MB is over 5.5 MB"},
		{"size at most", rules.When{Size: like("<= 6MB")}, "size 6.0 MB is <= 6MB"},
		{"size under", rules.When{Size: like("< 6MB")}, ""},
		{"size not", rules.When{Size: unlike("< 1KB")}, "size 6.0 MB is not one that is excluded"},
		{"if", rules.When{If: `message.From.Domain in ["fabrikam.com",
			"adatum.com"]`}, `if: message.From.Domain in ["fabrikam.com", "adatum.com"]`},
		{"if all of it", rules.When{If: `message.From.Address startsWith "bob" and len(message.To) == 1 and any(message.Cc, .Domain == "adatum.com") and
			message.Header("list-id") contains "news" and message.Size > 1000 and any(message.Attachments, .Type == "application/pdf") and
			fold(message.Subject) contains "reclamation" and message.Subject matches "INV-[0-9]+" and lower(message.Body) contains "order"`}, "if: message.From.Address startsWith"},
		{"if not", rules.When{If: `message.Size < 10`}, ""},
		{"all must hold", rules.When{From: like("fabrikam.com"), Subject: like("offer")}, ""},
		{"each says why", rules.When{From: like("fabrikam.com"), Subject: like("refund"), Size: like("> 1B")},
			`from fabrikam.com matches bob@fabrikam.com; subject contains "refund"; size 6.0 MB is > 1B`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			set, err := rules.Compile([]rules.Rule{{Name: "r", When: tt.when}})
			if err != nil {
				t.Fatal(err)
			}
			hits, trouble := set.Try(letter)
			if trouble != nil {
				t.Fatal(trouble)
			}
			why := ""
			if len(hits) > 0 {
				why = strings.Join(hits[0].Why, "; ")
			}
			if why != tt.why && !(strings.HasPrefix(tt.why, "if:") && strings.HasPrefix(why, tt.why)) {
				t.Errorf("matches because %q, want %q", why, tt.why)
			}
		})
	}
}

func TestWhatIsMissingMatchesNothing(t *testing.T) {
	t.Parallel()
	for _, when := range []rules.When{{Subject: like("*")}, {Body: like("*")}, {From: like("*")}, {To: like("*")}, {Cc: like("*")},
		{Attachment: like("*")}, {Attachment: like("*/*")}, {Size: like(">= 0B")}, {Size: unlike("> 5MB")}, {Header: []rules.Header{{"Subject", like("*")}}}} {
		set, err := rules.Compile([]rules.Rule{{Name: "r", When: when}})
		if err != nil {
			t.Fatal(err)
		}
		if hits := set.Match(inbox.Message{}); hits != nil {
			t.Errorf("%+v matches an empty message: %v", when, hits)
		}
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	set, err := rules.Compile([]rules.Rule{
		{Name: "one", When: rules.When{Subject: like("refund")}, Then: rules.Then{Tags: []string{"Refund"}}},
		{Name: "fails", When: rules.When{If: `message.To[5].Address == ""`}, Then: rules.Then{Stop: true}},
		{Name: "other", When: rules.When{Subject: like("offer")}, Then: rules.Then{Stop: true}},
		{Name: "two", When: rules.When{From: like("fabrikam.com")}, Then: rules.Then{Stop: true}},
		{Name: "three"},
	})
	if err != nil {
		t.Fatal(err)
	}
	hits, trouble := set.Try(letter)
	var names []string
	for _, h := range hits {
		names = append(names, h.Rule)
	}
	if want := []string{"one", "two"}; !slices.Equal(names, want) {
		t.Errorf("hits %v, want %v", names, want)
	}
	if len(trouble) != 1 || trouble[0].Rule != "fails" || !strings.Contains(trouble[0].String(), "index out of range") {
		t.Errorf("trouble %v, want one of the rule \"fails\"", trouble)
	}
	var none *rules.Set
	if none.Match(letter) != nil || none.Needs() != (rules.Needs{}) {
		t.Error("a nil set is not empty")
	}
}

func TestNeeds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		when rules.When
		want rules.Needs
	}{
		{rules.When{Subject: like("x")}, rules.Needs{}},
		{rules.When{Body: unlike("x")}, rules.Needs{Body: true}},
		{rules.When{Attachment: like("*")}, rules.Needs{Attachments: true}},
		{rules.When{Size: like("> 1KB")}, rules.Needs{Size: true}},
		{rules.When{If: `message.Subject == "Body" and message.Header("Size") != ""`}, rules.Needs{}},
		{rules.When{If: `message.Body != ""`}, rules.Needs{Body: true}},
		{rules.When{If: `message["Body"] != ""`}, rules.Needs{Body: true}},
		{rules.When{If: `message?.Size > 1`}, rules.Needs{Size: true}},
		{rules.When{If: `any(message.Attachments, .Size > 1)`}, rules.Needs{Attachments: true}},
		{rules.When{If: `let m = message; m.Body != ""`}, rules.Needs{Body: true, Attachments: true, Size: true}},
	} {
		set, err := rules.Compile([]rules.Rule{{Name: "r", When: tt.when}})
		if err != nil {
			t.Fatal(err)
		}
		if got := set.Needs(); got != tt.want {
			t.Errorf("%+v needs %+v, want %+v", tt.when, got, tt.want)
		}
	}
}

func TestFields(t *testing.T) {
	t.Parallel()
	set, err := rules.Compile([]rules.Rule{
		{Name: "a", When: rules.When{Header: []rules.Header{{Name: "X-Shop", Condition: rules.Condition{Any: []string{"1"}}}}}},
		{Name: "b", When: rules.When{If: `message.Header("X-Order") != "" or message.Header("X-Shop") == "2"`}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := set.Fields(); !slices.Equal(got, []string{"X-Order", "X-Shop"}) {
		t.Errorf("fields %v", got)
	}
	worked, err := rules.Compile([]rules.Rule{{Name: "c", When: rules.When{If: `message.Header(message.Subject) != ""`}}})
	if err != nil {
		t.Fatal(err)
	}
	if !worked.Needs().Body || (*rules.Set)(nil).Fields() == nil {
		t.Errorf("a name that is worked out needs %+v; no rules give %v", worked.Needs(), (*rules.Set)(nil).Fields())
	}
}
