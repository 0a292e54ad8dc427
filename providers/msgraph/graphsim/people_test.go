package graphsim_test

import (
	"slices"
	"testing"
)

func TestConversations(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	conversation := func(id string) string {
		m, err := tn.Message(support, id)
		tn.do(err)
		return m.ConversationID
	}
	first := tn.receive(1, "a@customer.test", "Broken printer")
	for _, tt := range []struct {
		name, subject string
		refs          []string
		joins         bool
	}{
		{"an answer", "Re: Broken printer", []string{"<m1@customer.test>"}, true},
		{"an answer under another subject", "Another thing", []string{"<m1@customer.test>"}, true},
		{"the same subject from a stranger", "broken  printer", nil, true},
		{"with prefixes", "AW: Re: Broken printer", nil, true},
		{"another subject", "Broken chair", nil, false},
		{"a reference nobody has seen", "Something else", []string{"<unseen@x.test>"}, false},
		{"no subject", "", nil, false},
		{"no subject again", "", nil, false},
	} {
		id := tn.receive(len(tt.name)+100, "b@other.test", tt.subject, tt.refs...)
		if got := conversation(id) == conversation(first); got != tt.joins {
			t.Errorf("%s joins: %v, want %v", tt.name, got, tt.joins)
		}
	}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	id := tn.receive(1, "a@customer.test", "Broken printer")
	for _, tt := range []struct{ member, sender string }{{"", support}, {"anna@contoso.com", "anna@contoso.com"}} {
		sent, err := tn.Answer(support, id, tt.member, "On it.")
		tn.do(err)
		m := tn.want(200, "GET", messages+"/"+sent, nil, immutable)
		if m.at("sender/emailAddress/address") != tt.sender || m.at("from/emailAddress/address") != support || m.at("isDraft") != false {
			t.Errorf("answer by %q = %s", tt.member, m.raw)
		}
		original, err := tn.Message(support, id)
		tn.do(err)
		if m.at("conversationId") != original.ConversationID {
			t.Error("the answer is in another conversation")
		}
		back, err := tn.Message(support, sent)
		tn.do(err)
		if back.Folder != "sentitems" {
			t.Errorf("folder = %s", back.Folder)
		}
		// The customer's next mail refers to the answer.
		next := tn.receive(2, "a@customer.test", "Other words", back.MessageID)
		if m, _ := tn.Message(support, next); m.ConversationID != original.ConversationID {
			t.Error("an answer to the answer is in another conversation")
		}
	}
	draft, err := tn.SaveDraft(support, id, "half a sent")
	tn.do(err)
	if m, _ := tn.Message(support, draft); !m.Draft || m.Folder != "drafts" {
		t.Errorf("draft = %+v", m)
	}
	if _, err := tn.Answer(support, draft, "", "x"); err == nil {
		t.Error("a draft was answered")
	}
}

func TestPeopleErrors(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	id := tn.receive(1, "a@customer.test", "one")
	for name, err := range map[string]error{
		"no mailbox":        tn.SetCategories("x@contoso.com", id, "a"),
		"no message":        tn.MarkRead(support, "x", true),
		"no folder":         tn.Move(support, id, "nowhere"),
		"no folder, expire": tn.ExpireDelta(support, "nowhere"),
		"empty mail":        second(tn.Receive(support, nil)),
		"no such mailbox":   second(tn.Receive("x@contoso.com", email(1, "a@b.test", "x"))),
		"refuse":            tn.RefuseMailbox("x@contoso.com"),
		"remove":            tn.RemoveMailbox("x@contoso.com"),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second(_ string, err error) error { return err }

func TestCategoriesOfAMessage(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	id := tn.receive(1, "a@customer.test", "one")
	tn.do(tn.AddCategory(support, id, "a"))
	tn.do(tn.AddCategory(support, id, "b"))
	tn.do(tn.AddCategory(support, id, "a"))
	tn.do(tn.RemoveCategory(support, id, "c"))
	tn.do(tn.RemoveCategory(support, id, "a"))
	m, err := tn.Message(support, id)
	tn.do(err)
	if !slices.Equal(m.Categories, []string{"b"}) {
		t.Errorf("categories = %v", m.Categories)
	}
}
