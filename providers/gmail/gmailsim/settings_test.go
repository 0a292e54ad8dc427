package gmailsim_test

import (
	"fmt"
	"testing"

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
