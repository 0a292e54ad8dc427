package gmailsim_test

import (
	"fmt"
	"testing"
	"time"

	gmail "google.golang.org/api/gmail/v1"
)

func TestDelegates(t *testing.T) {
	d := newDesk(t)
	api := d.users.Settings.Delegates
	if l := must(api.List("me").Do())(d); len(l.Delegates) != 0 {
		t.Errorf("fresh %v", l.Delegates)
	}
	one := must(api.Create("me", &gmail.Delegate{DelegateEmail: "One@contoso.com"}).Do())(d)
	if one.DelegateEmail != "one@contoso.com" || one.VerificationStatus != "accepted" {
		t.Errorf("created %+v", one)
	}
	_, err := api.Create("me", &gmail.Delegate{DelegateEmail: "one@contoso.com"}).Do()
	d.refused(err, 409, "exists")
	for _, bad := range []string{"one@else.org", "nobody", box, ""} {
		_, err := api.Create("me", &gmail.Delegate{DelegateEmail: bad}).Do()
		d.refused(err, 400, "Invalid delegate")
	}
	if got := must(api.Get("me", "one@contoso.com").Do())(d); got.VerificationStatus != "accepted" {
		t.Errorf("get %+v", got)
	}
	d.sim.MaxDelegates = 2
	must(api.Create("me", &gmail.Delegate{DelegateEmail: "two@contoso.com"}).Do())(d)
	_, err = api.Create("me", &gmail.Delegate{DelegateEmail: "three@contoso.com"}).Do()
	d.refused(err, 400, "Delegator user cannot have any more delegates")
	d.ok(api.Delete("me", "one@contoso.com").Do())
	d.refused(api.Delete("me", "one@contoso.com").Do(), 404, "not found")
	_, err = api.Get("me", "one@contoso.com").Do()
	d.refused(err, 404, "not found")
	if l := must(api.List("me").Do())(d); len(l.Delegates) != 1 {
		t.Errorf("left %v", l.Delegates)
	}
}

func TestOtherSettings(t *testing.T) {
	d := newDesk(t)
	api := d.users.Settings
	v := &gmail.VacationSettings{EnableAutoReply: true, ResponseSubject: "Away", ResponseBodyPlainText: "Back soon", StartTime: 1_700_000_000_000, EndTime: 1_700_000_600_000, RestrictToDomain: true}
	must(api.UpdateVacation("me", v).Do())(d)
	got := must(api.GetVacation("me").Do())(d)
	if got.ResponseSubject != "Away" || got.EndTime != v.EndTime || !got.RestrictToDomain || !got.EnableAutoReply {
		t.Errorf("vacation %+v", got)
	}
	_, err := api.UpdateVacation("me", &gmail.VacationSettings{EnableAutoReply: true}).Do()
	d.refused(err, 400, "required")
	_, err = api.UpdateVacation("me", &gmail.VacationSettings{StartTime: 5, EndTime: 4}).Do()
	d.refused(err, 400, "precede")
	if l := must(api.GetLanguage("me").Do())(d); l.DisplayLanguage != "en" {
		t.Errorf("language %+v", l)
	}
	d.ok(d.sim.AddSendAs(box, box, "Contoso Support"))
	d.ok(d.sim.AddSendAs(box, "Billing@contoso.com", "Billing"))
	list := must(api.SendAs.List("me").Do())(d)
	var lines []string
	for _, s := range list.SendAs {
		lines = append(lines, fmt.Sprint(s.SendAsEmail, " ", s.DisplayName, " ", s.IsPrimary, s.IsDefault, s.VerificationStatus))
	}
	if fmt.Sprint(lines) != "["+box+" Contoso Support true true billing@contoso.com Billing false falseaccepted]" {
		t.Errorf("send-as %q", lines)
	}
	if s := must(api.SendAs.Get("me", "billing@contoso.com").Do())(d); s.DisplayName != "Billing" {
		t.Errorf("send-as %+v", s)
	}
	_, err = api.SendAs.Get("me", "none@contoso.com").Do()
	d.refused(err, 404, "not found")
}

// What a client changes is there for the next, as Google makes it.
func TestChangedSettings(t *testing.T) {
	d := newDesk(t)
	var told []string
	d.sim.OnDelegates = func(mailbox string, delegates []string) { told = append(told, fmt.Sprint(mailbox, delegates)) }
	api := d.users.Settings
	for asked, saved := range map[string]string{"da-DK": "da", "en-GB": "en-GB", "pt": "pt-BR", "EN-gb": "en-GB"} {
		if l := must(api.UpdateLanguage("me", &gmail.LanguageSettings{DisplayLanguage: asked}).Do())(d); l.DisplayLanguage != saved {
			t.Errorf("%s became %s", asked, l.DisplayLanguage)
		}
	}
	for _, bad := range []string{"", "xx-YY"} {
		_, err := api.UpdateLanguage("me", &gmail.LanguageSettings{DisplayLanguage: bad}).Do()
		d.refused(err, 400, "Invalid display language")
	}

	a := must(api.SendAs.Create("me", &gmail.SendAs{SendAsEmail: "Billing@contoso.com", Signature: "<br/>", IsDefault: true}).Do())(d)
	if a.VerificationStatus != "accepted" || !a.IsDefault || a.Signature != `<div dir="ltr"><br></div>` || a.SendAsEmail != "billing@contoso.com" {
		t.Errorf("created %+v", a)
	}
	_, err := api.SendAs.Create("me", &gmail.SendAs{SendAsEmail: "billing@contoso.com"}).Do()
	d.refused(err, 409, "exists")
	out := must(api.SendAs.Create("me", &gmail.SendAs{SendAsEmail: "info@fabrikam.com", IsDefault: true}).Do())(d)
	if out.VerificationStatus != "pending" || out.IsDefault {
		t.Errorf("created %+v", out)
	}
	_, err = api.SendAs.Patch("me", "info@fabrikam.com", &gmail.SendAs{IsDefault: true}).Do()
	d.refused(err, 400, "not verified")
	_, err = api.SendAs.Patch("me", box, &gmail.SendAs{ForceSendFields: []string{"IsDefault"}}).Do()
	d.refused(err, 400, "isDefault")
	must(api.SendAs.Patch("me", box, &gmail.SendAs{DisplayName: "Support", IsDefault: true}).Do())(d)
	if b := must(api.SendAs.Get("me", "billing@contoso.com").Do())(d); b.IsDefault || b.Signature == "" {
		t.Errorf("left %+v", b)
	}

	d.sim.DelegateDelay, d.sim.MaxDelegates = time.Minute, 1
	must(api.Delegates.Create("me", &gmail.Delegate{DelegateEmail: "one@contoso.com"}).Do())(d)
	_, err = api.Delegates.Get("me", "one@contoso.com").Do()
	d.refused(err, 404, "not found")
	d.ok(api.Delegates.Delete("me", "one@contoso.com").Do())
	must(api.Delegates.Create("me", &gmail.Delegate{DelegateEmail: "two@contoso.com"}).Do())(d)
	d.clock.Advance(time.Minute)
	if l := must(api.Delegates.List("me").Do())(d); len(l.Delegates) != 1 || l.Delegates[0].DelegateEmail != "two@contoso.com" {
		t.Errorf("listed %+v", l.Delegates)
	}
	if fmt.Sprint(told) != fmt.Sprint([]string{box + "[one@contoso.com]", box + "[]", box + "[two@contoso.com]"}) {
		t.Errorf("told %q", told)
	}
}

func TestMailboxOfANewAccount(t *testing.T) {
	d := newDesk(t)
	d.sim.RemoveMailbox(box)
	d.sim.AddMailboxAt(box, d.clock.Now().Add(time.Minute))
	_, err := d.users.GetProfile("me").Do()
	d.refused(err, 400, "Mail service not enabled")
	d.clock.Advance(time.Minute)
	must(d.users.GetProfile("me").Do())(d)
}
