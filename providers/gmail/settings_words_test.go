package gmail_test

import (
	"net/http"
	"strings"
	"testing"

	api "google.golang.org/api/gmail/v1"
	"google.golang.org/api/option"

	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/gmail"
)

func TestSameLanguage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		wish, have string
		same       bool
	}{
		{"da", "da", true}, {"da-DK", "da", true}, {"da_DK", "da", true}, {"DA-dk", "da", true}, {"da-DK", "de", false},
		{"en", "en", true}, {"en-US", "en", true}, {"en", "en-US", true}, {"en-GB", "en", false}, {"en-GB", "en-GB", true}, {"en-US", "en-GB", false},
		{"en", "en-GB", false}, {"en-AU", "en-GB", true}, {"en-AU", "en", true},
		{"pt", "pt-BR", true}, {"pt-PT", "pt-BR", false}, {"pt-PT", "pt-PT", true}, {"zh-TW", "zh-CN", false},
		{"fr-FR", "fr", true}, {"fr-FR", "fr-CA", false}, {"fr-CA", "fr", false}, {"es-MX", "es-419", true},
		{"nb-NO", "no", true}, {"nb", "no", true}, {"no", "nb", true}, {"he-IL", "iw", true}, {"fil", "tl", true}, {"nb", "da", false},
		{"", "da", false}, {"da", "", false},
	} {
		if got := gmail.SameLanguage(c.wish, c.have); got != c.same {
			t.Errorf("%q asked, %q saved: %t", c.wish, c.have, got)
		}
	}
}

// Whatever Google makes of a tag, asking for it once is enough for this run, and what is no tag is an error.
func TestLanguage(t *testing.T) {
	b := newBureau(t)
	for _, tag := range []string{"da-DK", "en-GB", "pt", "es-MX", "zh-TW"} {
		b.ok(b.do(provision.Set, provision.Language, "", tag))
		want := facts("language", "", tag)
		b.expect(b.read(want), provision.Language, want)
	}
	b.ok(b.do(provision.Set, provision.Language, "", "da-DK"))
	b.expect(b.read(nil), provision.Language, facts("language", "", "da-DK")) // as asked, for whoever made it so
	b.settings = b.openSettings()
	b.expect(b.read(nil), provision.Language, facts("language", "", "da"))
	b.ok(b.do(provision.Set, provision.Language, "", "zh-TW"))
	b.expect(b.read(facts("language", "", "zh-CN")), provision.Language, facts("language", "", "zh-TW"))
	b.ok(b.do(provision.Set, provision.Language, "", "nb-NO"))
	b.settings = b.openSettings() // a later run, which remembers nothing
	b.expect(b.read(facts("language", "", "nb-NO")), provision.Language, facts("language", "", "nb-NO"))
	if err := b.do(provision.Set, provision.Language, "", "xx"); verdict(err) != "failed" {
		t.Errorf("got %v", err)
	}
}

func TestSameSignature(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"", "<br>", true},
		{"", "Support", false},
		{"Support", `<div dir="ltr">Support</div>`, true},
		{"<p>Support<br/>Contoso</p>", `<div dir="ltr"><p>Support<br>Contoso</p></div>`, true},
		{"Support<br>Contoso", "Support Contoso", false},
		{"A &amp; B", "A &#38; B", true},
		{`<a href="https://contoso.com">us</a>`, `<a target="_blank" href='https://contoso.com/'>us</a>`, true},
		{`<a href="https://contoso.com">us</a>`, `<a href="https://evil.example">us</a>`, false},
		{`<a href="https://contoso.com">us</a>`, `us`, false},
		{`<img src="https://contoso.com/l.png">`, `<img width=1 src=https://contoso.com/l.png>`, true},
		{`<img src="https://contoso.com/l.png">`, `<img src="https://ci3.googleusercontent.com/mail-sig/AIorK4x">`, true},
		{`<img src="https://contoso.com/l.png">`, `<img src="https://contoso.com/m.png">`, false},
		{`<img src="https://contoso.com/l.png">`, ``, false},
		{"<b style='color: red'>x</b>", `<b style="color:#f00">x</b>`, true},
		{"x<script>alert(1)</script>", "x", true},
	} {
		if got := gmail.SameSignature(c.a, c.b); got != c.same || gmail.SameSignature(c.b, c.a) != c.same {
			t.Errorf("%q and %q: %t", c.a, c.b, got)
		}
	}
}

// A signature may hold anything at all.
func FuzzSameSignature(f *testing.F) {
	f.Add("<a href=", "<img src='")
	f.Add(`<a href="x" href=y>`, "<<>>")
	f.Fuzz(func(t *testing.T, a, b string) {
		if !gmail.SameSignature(a, a) || gmail.SameSignature(a, b) != gmail.SameSignature(b, a) {
			t.Errorf("%q, %q", a, b)
		}
		if wrapped := `<div dir="ltr">` + a + `</div>`; !strings.ContainsAny(a, "<>&") && !gmail.SameSignature(a, wrapped) {
			t.Errorf("%q is not the same in a div", a)
		}
	})
}

// as is Google's own client, acting for the mailbox.
func (b *bureau) as() *api.UsersService {
	b.Helper()
	client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer sim:"+box)
		return b.wire.RoundTrip(r)
	})}
	service, err := api.NewService(b.Context(), option.WithHTTPClient(client))
	b.ok(err)
	return service.Users
}

// The automatic reply is switched off, and its text stays for whoever wrote it.
func TestAutoReply(t *testing.T) {
	b := newBureau(t)
	users := b.as()
	now := b.clock.Now().UnixMilli()
	set := func(v *api.VacationSettings) {
		t.Helper()
		must(users.Settings.UpdateVacation("me", v).Do())(b.desk)
	}
	for _, c := range []struct {
		name string
		v    *api.VacationSettings
		want string
	}{
		{"on", &api.VacationSettings{EnableAutoReply: true, ResponseSubject: "Away"}, "on"},
		{"until tomorrow", &api.VacationSettings{EnableAutoReply: true, ResponseSubject: "Away", EndTime: now + 86_400_000}, "on"},
		{"from tomorrow", &api.VacationSettings{EnableAutoReply: true, ResponseSubject: "Away", StartTime: now + 86_400_000}, "on"},
		{"over", &api.VacationSettings{EnableAutoReply: true, ResponseSubject: "Away", EndTime: now - 1}, "off"},
		{"text alone", &api.VacationSettings{ResponseSubject: "Away"}, "off"},
	} {
		set(c.v)
		b.expect(b.read(nil), provision.AutoReply, facts("auto-reply", "", c.want))
	}
	set(&api.VacationSettings{EnableAutoReply: true, ResponseSubject: "Away", ResponseBodyHtml: "<b>Back soon</b>", RestrictToDomain: true})
	b.ok(b.do(provision.Set, provision.AutoReply, "", "off"))
	v := must(users.Settings.GetVacation("me").Do())(b.desk)
	if v.EnableAutoReply || v.ResponseSubject != "Away" || v.ResponseBodyHtml != "<b>Back soon</b>" || !v.RestrictToDomain {
		t.Errorf("left %+v", v)
	}
	b.ok(b.do(provision.Set, provision.AutoReply, "", "on"))
	b.expect(b.read(nil), provision.AutoReply, facts("auto-reply", "", "on"))
}

// Labels are adopted in any letter case with the mail they are on, get their colours and parents, and never go.
func TestMarkers(t *testing.T) {
	b := newBureau(t)
	id := b.receive("1@x", "one")
	b.ok(b.sim.AddLabel(box, string(id), "@anna"))
	b.ok(b.sim.AddLabel(box, string(id), "private"))
	want := facts("marker", "@Anna", "red", "marker", "Team/@Bo", "")
	b.expect(b.read(want), provision.Marker, facts("marker", "@Anna", "", "marker", "private", ""))
	b.ok(b.do(provision.Set, provision.Marker, "@Anna", "red"))
	b.ok(b.do(provision.Add, provision.Marker, "Team/@Bo", "teal"))
	b.expect(b.read(want), provision.Marker, facts("marker", "@Anna", "red", "marker", "private", "", "marker", "Team", "", "marker", "Team/@Bo", "teal"))
	if b.labels(id) != "@anna private" {
		t.Errorf("the mail carries %q", b.labels(id))
	}
	for _, bad := range []string{"Inbox", "a//b", strings.Repeat("x", 300)} {
		if err := b.do(provision.Add, provision.Marker, bad, ""); verdict(err) != "failed" || !strings.Contains(err.Error(), "choose another name") {
			t.Errorf("%.20s: %v", bad, err)
		}
	}
	if err := b.do(provision.Remove, provision.Marker, "private", ""); err == nil || b.labels(id) != "@anna private" {
		t.Errorf("removed: %v", err)
	}
}
