package boot_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/exchange/exchangesim"
)

// taken are the facts of the mailbox that has the alias.
func taken(list []provision.Mailbox, alias string) map[provision.Fact]string {
	for _, m := range list {
		if _, ok := m.Facts[provision.Fact{Aspect: provision.Alias, Subject: alias}]; ok {
			return m.Facts
		}
	}
	return nil
}

// people of the tenant.
var people = []string{"anna@contoso.com", "bo@contoso.com", "cy@contoso.com", "dan@contoso.com"}

// tenantFacts is the wish for the tenant itself.
func tenantFacts() provision.Mailbox {
	return provision.Mailbox{Provider: inbox.M365, Facts: map[provision.Fact]string{
		{Aspect: provision.AppPrincipal, Subject: contosoApp}:                         contosoObject,
		{Aspect: provision.AppScope, Subject: "Postroom"}:                             "CustomAttribute15 -eq 'Postroom'",
		{Aspect: provision.AppRole, Subject: "Application Mail.ReadWrite"}:            "Postroom",
		{Aspect: provision.AppRole, Subject: "Application MailboxSettings.ReadWrite"}: "Postroom",
	}}
}

// boxes are the addresses that mailboxes are drawn for.
var boxes = []string{"x@contoso.com", "y@contoso.com"}

// drawWish draws what mailboxes shall be: which of them there are, and everything that can be said of each. After a past, one
// may be declared as retired, with all that is in it; and one that is not declared any more keeps the aliases it has.
func drawWish(t *rapid.T, label string, past []provision.Mailbox) []provision.Mailbox {
	out := []provision.Mailbox{tenantFacts()}
	aliases := []string{"a1@contoso.com", "a2@contoso.com", "a3@contoso.com", "a4@contoso.com"}
	holder := map[string]string{}
	for _, a := range aliases {
		holder[a] = rapid.SampledFrom(append([]string{""}, boxes...)).Draw(t, label+" "+a)
	}
	for _, address := range boxes {
		draw := func(what string, from ...string) string {
			return rapid.SampledFrom(from).Draw(t, label+" "+address+" "+what)
		}
		kinds := []string{"declared", "declared", "declared", "absent"}
		if past != nil {
			kinds = append(kinds, "retired")
		}
		m := provision.Mailbox{Address: inbox.MailboxID(address), Provider: inbox.M365, Facts: map[provision.Fact]string{}}
		switch draw("is", kinds...) {
		case "absent":
			for _, m := range past {
				for f := range m.Facts {
					if string(m.Address) == address && f.Aspect == provision.Alias {
						holder[f.Subject] = ""
						delete(taken(out, f.Subject), f)
					}
				}
			}
			continue
		case "retired":
			out = append(out, m)
			continue
		}
		set := func(aspect provision.Aspect, subject, value string) {
			m.Facts[provision.Fact{Aspect: aspect, Subject: subject}] = value
		}
		set(provision.Existence, "", "shared")
		set(provision.SignIn, "", "blocked")
		set(provision.Reach, "", "Postroom")
		set(provision.AutoReply, "", "off")
		set(provision.Name, "", draw("name", "Support", "Café Ö", "Sales & more"))
		set(provision.AddressList, "", draw("list", "shown", "hidden"))
		set(provision.SentCopies, "as", draw("copies as", "on", "off"))
		set(provision.SentCopies, "on-behalf", draw("copies on behalf", "on", "off"))
		if v := draw("quota", "", "10737418240", "53687091200"); v != "" {
			set(provision.Quota, "", v)
		}
		if v := draw("language", "", "da-DK", "en-GB"); v != "" {
			set(provision.Language, "", v)
		}
		if v := draw("zone", "", "Europe/Copenhagen", "America/New_York"); v != "" {
			set(provision.TimeZone, "", v)
		}
		m.AtCreation = map[provision.Fact]string{
			{Aspect: provision.Language}: "en-US", {Aspect: provision.TimeZone}: "Europe/Copenhagen",
		}
		for _, a := range aliases {
			if holder[a] == address {
				set(provision.Alias, a, "")
			}
		}
		for _, who := range people {
			for _, right := range strings.Fields(draw(who, "", "", "read", "open send-as", "open send-on-behalf", "open", "send-as", "open read send-as")) {
				value := ""
				if right == "open" {
					value = draw(who+" mapped", "mapped", "unmapped")
				}
				set(provision.Aspect(right), who, value)
			}
		}
		for _, name := range []string{"@Anna", "VIP", "Closed"} {
			if v := draw(name, "-", "", "red", "blue"); v != "-" {
				set(provision.Marker, name, v)
			}
		}
		out = append(out, m)
	}
	return out
}

// twoWishes are a tenant's past and a wish that changes something of every kind in it.
func twoWishes() (first, second []provision.Mailbox) {
	box := func(address string, facts map[provision.Fact]string) provision.Mailbox {
		m := provision.Mailbox{Address: inbox.MailboxID(address), Provider: inbox.M365, Facts: map[provision.Fact]string{
			{Aspect: provision.Existence}: "shared", {Aspect: provision.SignIn}: "blocked", {Aspect: provision.Reach}: "Postroom",
			{Aspect: provision.AutoReply}: "off", {Aspect: provision.SentCopies, Subject: "as"}: "on",
		}}
		for f, v := range facts {
			m.Facts[f] = v
		}
		return m
	}
	fact := func(aspect provision.Aspect, subject string) provision.Fact {
		return provision.Fact{Aspect: aspect, Subject: subject}
	}
	first = []provision.Mailbox{
		tenantFacts(),
		box("x@contoso.com", map[provision.Fact]string{
			fact(provision.Name, ""): "Old name", fact(provision.Alias, "a1@contoso.com"): "",
			fact(provision.Open, "anna@contoso.com"): "mapped", fact(provision.SendAs, "anna@contoso.com"): "",
			fact(provision.Open, "bo@contoso.com"): "mapped", fact(provision.SendAs, "bo@contoso.com"): "",
			fact(provision.Marker, "VIP"): "red",
		}),
	}
	second = []provision.Mailbox{
		tenantFacts(),
		box("x@contoso.com", map[provision.Fact]string{
			fact(provision.Name, ""): "New name", fact(provision.Language, ""): "da-DK",
			fact(provision.Open, "anna@contoso.com"): "unmapped", fact(provision.SendOnBehalf, "anna@contoso.com"): "",
			fact(provision.Read, "bo@contoso.com"): "", fact(provision.Marker, "VIP"): "blue", fact(provision.Marker, "@Anna"): "red",
		}),
		box("y@contoso.com", map[provision.Fact]string{
			fact(provision.Name, ""): "Sales", fact(provision.Alias, "a1@contoso.com"): "",
			fact(provision.Open, "cy@contoso.com"): "unmapped", fact(provision.SendAs, "cy@contoso.com"): "",
			fact(provision.Marker, "@Cy"): "green",
		}),
	}
	return first, second
}

// crowd is a tenant of that many mailboxes, each with its people, and the wish that it is as it is.
func crowd(t testing.TB, mailboxes, members int) (*contoso, []provision.Mailbox) {
	c := newContoso(t, exchangesim.Delays{})
	want := []provision.Mailbox{tenantFacts()}
	person := func(i int) string { return fmt.Sprintf("p%d@contoso.com", i%members) }
	for i := range members {
		c.must(c.Exchange.AddUser(exchangesim.Recipient{Address: person(i)}))
	}
	for i := range mailboxes {
		m := provision.Mailbox{Address: inbox.MailboxID(fmt.Sprintf("box%d@contoso.com", i)), Provider: inbox.M365, Facts: map[provision.Fact]string{
			{Aspect: provision.Existence}: "shared", {Aspect: provision.SignIn}: "blocked", {Aspect: provision.Reach}: "Postroom",
			{Aspect: provision.Name}: fmt.Sprint("Box ", i), {Aspect: provision.AutoReply}: "off", {Aspect: provision.AddressList}: "shown",
		}}
		for j := range 6 {
			who := person(i*6 + j)
			m.Facts[provision.Fact{Aspect: provision.Open, Subject: who}] = "mapped"
			m.Facts[provision.Fact{Aspect: provision.SendAs, Subject: who}] = ""
			m.Facts[provision.Fact{Aspect: provision.Marker, Subject: fmt.Sprint("@P", i*6+j)}] = "blue"
		}
		want = append(want, m)
	}
	return c, want
}
