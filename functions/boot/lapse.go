package boot

import (
	"context"
	"math"
	"time"
)

// Lapse is the moment from which a credential is worth nothing.
type Lapse struct {
	What string // for a person: which credential
	At   time.Time
}

// Days is how many whole days are left at now, rounded down; negative once it has lapsed.
func (l Lapse) Days(now time.Time) int {
	return int(math.Floor(l.At.Sub(now).Hours() / 24))
}

// Lapses lists when the deployment's credentials end, of those that do: a certificate by what stands in it, a client
// secret and a service-account key by what the deployment says, for nobody can read it from them. A day stands for its
// beginning, in UTC. The certificate is read once an hour; the error is about that, and the other lapses come with it.
func (c *Credentials) Lapses(ctx context.Context) ([]Lapse, error) {
	d := c.deployment
	if d.SimulatedGraph != "" || d.SimulatedGmail != "" {
		return nil, nil
	}
	var out []Lapse
	if d.GraphCredential == "secret" && !d.GraphLapses.IsZero() {
		out = append(out, Lapse{"the client secret for Graph", d.GraphLapses})
	}
	if d.GoogleCredential == "key" && !d.GoogleLapses.IsZero() {
		out = append(out, Lapse{"the service account's key for Google", d.GoogleLapses})
	}
	if c.ends == nil {
		return out, nil
	}
	end, err := c.ends.get(ctx)
	if err != nil {
		return out, err
	}
	return append(out, Lapse{"the certificate for Graph", end}), nil
}

// FirstLapse is the lapse that comes first; false when nothing ends.
func FirstLapse(lapses []Lapse) (first Lapse, ok bool) {
	for _, l := range lapses {
		if !ok || l.At.Before(first.At) {
			first, ok = l, true
		}
	}
	return first, ok
}
