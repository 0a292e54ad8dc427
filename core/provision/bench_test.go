package provision_test

import (
	"fmt"
	"testing"

	"github.com/postroom/postroom/core/provision"
)

// estate of 500 mailboxes with 3,000 members in all, each with two rights and a category, and 20 categories more.
func manyMailboxes() (want, empty boxes) {
	for i := range 500 {
		m := m365(fmt.Sprintf("box%03d@contoso.com", i), "mailbox = shared", fmt.Sprintf("name = Box %d", i), "sign-in = blocked", "auto-reply = off",
			"sent-copies as = on", "sent-copies on-behalf = on", "language = da-DK", "timezone = Europe/Copenhagen", "quota = 52613349376", "reach = Postroom",
			fmt.Sprintf("alias alias%03d@contoso.com", i))
		for j := range 6 {
			who := fmt.Sprintf("member%04d@contoso.com", (i*6+j)%3000)
			m.Facts[fact{Aspect: provision.Open, Subject: who}] = "mapped"
			m.Facts[fact{Aspect: provision.SendAs, Subject: who}] = ""
			m.Facts[fact{Aspect: provision.Marker, Subject: "@" + who}] = "red"
		}
		for j := range 20 {
			m.Facts[fact{Aspect: provision.Marker, Subject: fmt.Sprint("Tag ", j)}] = ""
		}
		want = append(want, m)
		empty = append(empty, nothing(m))
	}
	return append(want, tenantWish), append(empty, m365(""))
}

func BenchmarkMake(b *testing.B) {
	want, empty := manyMailboxes()
	for _, bb := range []struct {
		name string
		have boxes
	}{{"nothing to do", want}, {"everything new", empty}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p := provision.Make(want, bb.have, provision.Options{AllowRemove: true})
				b.ReportMetric(float64(len(p.Steps)), "steps")
			}
		})
	}
}
