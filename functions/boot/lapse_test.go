package boot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/functions/boot"
)

func TestLapseDays(t *testing.T) {
	t.Parallel()
	at := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		left time.Duration
		want int
	}{
		{30 * 24 * time.Hour, 30}, {30*24*time.Hour - time.Second, 29}, {24 * time.Hour, 1}, {time.Hour, 0}, {0, 0}, {-time.Second, -1}, {-24 * time.Hour, -1}, {-25 * time.Hour, -2},
	} {
		if got := (boot.Lapse{At: at}).Days(at.Add(-c.left)); got != c.want {
			t.Errorf("%v before: %d days, want %d", c.left, got, c.want)
		}
	}
	if first, ok := boot.FirstLapse(nil); ok {
		t.Errorf("nothing lapses first: %v", first)
	}
	list := []boot.Lapse{{What: "b", At: at}, {What: "a", At: at.Add(-time.Hour)}, {What: "c", At: at.Add(time.Hour)}}
	if first, ok := boot.FirstLapse(list); !ok || first.What != "a" {
		t.Errorf("first is %v", first)
	}
}

// Each credential that ends is listed with its end, and nothing else is.
func TestLapses(t *testing.T) {
	t.Parallel()
	m := parse(t, twoMailboxes)
	day := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	dated := changed(keyless(), func(d *boot.Deployment) { d.GraphLapses, d.GoogleLapses = day, day.AddDate(0, 1, 0) })
	for name, c := range map[string]struct {
		deployment boot.Deployment
		want       []boot.Lapse
	}{
		"keyless": {dated, nil},
		"a secret and a key": {changed(dated, func(d *boot.Deployment) { d.GraphCredential, d.GoogleCredential = "secret", "key" }),
			[]boot.Lapse{{What: "the client secret for Graph", At: day}, {What: "the service account's key for Google", At: day.AddDate(0, 1, 0)}}},
		"a key that stays": {changed(dated, func(d *boot.Deployment) { d.GoogleCredential, d.GoogleLapses = "key", time.Time{} }), nil},
		"a certificate": {changed(dated, func(d *boot.Deployment) { d.GraphCredential, d.GraphSecret = "certificate", graphARN }),
			[]boot.Lapse{{What: "the certificate for Graph", At: time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC)}}},
	} {
		v := newVendors(t, m)
		v.store(graphARN, certificatePEM()+keyPEM())
		got, err := c.deployment.Credentials(v.sources()).Lapses(t.Context())
		if err != nil || len(got) != len(c.want) {
			t.Errorf("%s: %v, %v", name, got, err)
			continue
		}
		for i, l := range got {
			if l.What != c.want[i].What || !l.At.Equal(c.want[i].At) {
				t.Errorf("%s: %v, want %v", name, l, c.want[i])
			}
		}
	}
}

// The tick asks each minute: the certificate is read once an hour, a replaced one is noticed, and what cannot be read
// leaves the others.
func TestLapseOfTheCertificate(t *testing.T) {
	t.Parallel()
	m := parse(t, twoMailboxes)
	day := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	d := changed(keyless(), func(d *boot.Deployment) {
		d.GraphCredential, d.GraphSecret, d.GoogleCredential, d.GoogleLapses = "certificate", graphARN, "key", day
	})
	v := newVendors(t, m)
	v.store(graphARN, "broken")
	creds := d.Credentials(v.sources())
	lapses, err := creds.Lapses(t.Context())
	if err == nil || !strings.Contains(err.Error(), graphARN) || len(lapses) != 1 || !lapses[0].At.Equal(day) {
		t.Errorf("%v, %v", lapses, err)
	}
	v.store(graphARN, certificatePEM()+keyPEM())
	for range 59 {
		v.clock.Advance(time.Minute)
		if lapses, err := creds.Lapses(t.Context()); err != nil || len(lapses) != 2 {
			t.Fatalf("%v, %v", lapses, err)
		}
	}
	if n := v.count(secretsHost); n != 2 {
		t.Errorf("%d readings in an hour", n)
	}
	v.store(graphARN, "broken again")
	v.clock.Advance(time.Hour)
	if lapses, err := creds.Lapses(t.Context()); err == nil {
		t.Errorf("the old end is still believed: %v", lapses)
	}
}

// From a month before the end, the log names the credential once a day; what cannot be read is there once.
func TestLapseIsInTheLogOnceADay(t *testing.T) {
	t.Parallel()
	m := parse(t, twoMailboxes)
	v := newVendors(t, m)
	v.store(graphARN, "broken")
	now := time.Date(2026, 12, 25, 12, 0, 0, 0, time.UTC)
	at := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	log := &journal{}
	creds := changed(keyless(), func(d *boot.Deployment) {
		d.GraphCredential, d.GraphSecret, d.GoogleCredential, d.GoogleLapses = "certificate", graphARN, "key", at
	}).Credentials(v.sources())
	for range 10 * 24 {
		if left, ok := creds.Left(t.Context(), log.logger(), now); !ok || left != at.Sub(now) {
			t.Fatalf("%v, %t", left, ok)
		}
		now = now.Add(time.Hour)
		v.clock.Advance(time.Hour)
	}
	lines := log.lines("a credential lapses")
	if len(lines) != 5 || !strings.Contains(lines[0], "service account's key") || !strings.Contains(lines[0], "days=30") {
		t.Errorf("the log has %q", lines)
	}
	if lines := log.lines("not known when the certificate"); len(lines) != 1 || !strings.Contains(lines[0], graphARN) {
		t.Errorf("the log has %q", lines)
	}
	if _, ok := keyless().Credentials(v.sources()).Left(t.Context(), log.logger(), now); ok {
		t.Error("without a secret nothing ends")
	}
}
