package boot

import (
	"context"
	"log/slog"
	"math"
	"sync"
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
	if !d.ExchangeLapses.IsZero() { // tick is told no more of that app
		out = append(out, Lapse{"the client secret of the app that administers Exchange", d.ExchangeLapses})
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

// warnDays is how many days before a lapse the log begins to name the credential.
const warnDays = 30

// lapseLog is what the log has been told of lapses.
type lapseLog struct {
	mu     sync.Mutex
	first  Lapse
	days   int
	failed string
}

// Left is what [Tick.Lapse] asks: how long the credential that ends first is good for; false when none ends. From a month
// before it ends, a line a day in the log names it. What cannot be read is a line, too, and not one a minute.
func (c *Credentials) Left(ctx context.Context, log *slog.Logger, now time.Time) (time.Duration, bool) {
	lapses, err := c.Lapses(ctx)
	first, ok := FirstLapse(lapses)
	c.told.mu.Lock()
	defer c.told.mu.Unlock()
	failed := ""
	if err != nil {
		failed = err.Error()
	}
	if failed != c.told.failed && failed != "" {
		log.ErrorContext(ctx, "it is not known when the certificate for Graph ends", "error", failed)
	}
	c.told.failed = failed
	if days := first.Days(now); ok && days <= warnDays && (c.told.first != first || c.told.days != days) {
		c.told.first, c.told.days = first, days
		log.WarnContext(ctx, "a credential lapses: replace "+first.What, "at", first.At, "days", days)
	}
	return first.At.Sub(now), ok
}
