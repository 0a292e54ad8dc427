// Package fault is the dial both provider simulators share: how slow they
// answer, and which requests fail in which way.
//
// A fault is a [Rule] with a [Kind]: the request it hits, how many to let pass
// first, how often to fire. Rules are added and cleared while requests are
// running. Nothing here knows a vendor: the simulator writes its own error
// bodies through the refuse function it gives to [Dial.Wrap].
//
// Everything is deterministic as long as the order of requests is: chances are
// drawn from an injected generator, and waiting goes through an injected
// function.
package fault

import (
	"math/rand/v2"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

// Kind is the way a request fails.
type Kind int

// The kinds of fault.
const (
	// Throttle refuses with 429 and a Retry-After of Rule.RetryAfter.
	Throttle Kind = iota
	// ThrottleBare refuses with 429 and names no time, as vendors sometimes do.
	ThrottleBare
	// InnerThrottle refuses one request inside a batch with 429 while the batch
	// itself succeeds. It never hits a request that is not inside a batch: see
	// [Dial.NextInner].
	InnerThrottle
	// Unavailable refuses with 503, with a Retry-After if Rule.RetryAfter is set.
	Unavailable
	// Reset breaks the connection before anything has happened.
	Reset
	// Lost lets the request have its full effect and then breaks the connection,
	// so the caller cannot know.
	Lost
	// Slow answers properly, after Rule.Delay on top of the dial's latency.
	Slow
)

// String names the kind as the constants do.
func (k Kind) String() string {
	names := [...]string{"Throttle", "ThrottleBare", "InnerThrottle", "Unavailable", "Reset", "Lost", "Slow"}
	if k < 0 || int(k) >= len(names) {
		return "unknown"
	}
	return names[k]
}

// Rule says which requests fail and how.
type Rule struct {
	Kind Kind
	// Method is the HTTP method the rule applies to; "" is any.
	Method string
	// Path is a part of the URL path, or a [path.Match] pattern for the whole of
	// it; "" is any.
	Path string
	// RetryAfter is what a refusal names, in whole seconds (rounded up).
	RetryAfter time.Duration
	// Delay is what Slow adds.
	Delay time.Duration
	// Skip lets this many matching requests pass before the rule begins.
	Skip int
	// Times is how often the rule fires at most; 0 is for ever.
	Times int
	// Rate is the chance that a due rule fires, drawn from Dial.Rand; 0 is always.
	Rate float64
}

func (r *Rule) matches(method, urlPath string) bool {
	if r.Method != "" && !strings.EqualFold(r.Method, method) {
		return false
	}
	if r.Path == "" || strings.Contains(urlPath, r.Path) {
		return true
	}
	ok, err := path.Match(r.Path, urlPath)
	return err == nil && ok
}

// Dial holds the latency and the rules of one simulator. The zero value is
// ready and does nothing. Its methods may be called at once from many
// goroutines; its fields are set before the first request.
type Dial struct {
	// Latency is how long every request takes before it is looked at.
	Latency time.Duration
	// Sleep waits; nil is [time.Sleep]. A test that owns its clock injects its own.
	Sleep func(time.Duration)
	// Rand draws the chances of rules with a Rate; nil is a generator with a
	// fixed seed. The dial serialises its use.
	Rand *rand.Rand

	mu    sync.Mutex
	rules []*state
}

type state struct {
	Rule
	seen, fired int
}

// Add puts a rule behind the ones already there. Of several rules that are due
// the earliest added hits, and the later ones do not count that request.
func (d *Dial) Add(r Rule) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rules = append(d.rules, &state{Rule: r})
}

// Clear removes all rules. The latency stays.
func (d *Dial) Clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rules = nil
}

// Next says which fault hits this request, if any, and counts it. InnerThrottle
// rules neither hit nor count here.
func (d *Dial) Next(method, urlPath string) (Rule, bool) {
	return d.next(method, urlPath, func(k Kind) bool { return k != InnerThrottle })
}

// NextInner is Next for a request inside a batch: only InnerThrottle rules hit
// and count. All other kinds happen to the batch as a whole, through Next.
func (d *Dial) NextInner(method, urlPath string) (Rule, bool) {
	return d.next(method, urlPath, func(k Kind) bool { return k == InnerThrottle })
}

func (d *Dial) next(method, urlPath string, eligible func(Kind) bool) (Rule, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.rules {
		if !eligible(s.Kind) || s.Times > 0 && s.fired >= s.Times || !s.matches(method, urlPath) {
			continue
		}
		s.seen++
		if s.seen <= s.Skip {
			continue
		}
		if s.Rate > 0 {
			if d.Rand == nil {
				d.Rand = rand.New(rand.NewPCG(1, 1))
			}
			if d.Rand.Float64() >= s.Rate {
				continue
			}
		}
		s.fired++
		return s.Rule, true
	}
	return Rule{}, false
}

// Wrap puts the dial in front of next: the latency first, then the fault that
// is due. Refusals are written by refuse, which gets the status (429 or 503) and
// the time to name in Retry-After (0: name none), so that each vendor answers
// with its own error body. Reset and Lost end in panic([http.ErrAbortHandler]),
// which net/http's server and [Transport] both turn into a broken connection.
func (d *Dial) Wrap(next http.Handler, refuse func(w http.ResponseWriter, r *http.Request, status int, retryAfter time.Duration)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.wait(d.Latency)
		rule, hit := d.Next(r.Method, r.URL.Path)
		if !hit {
			next.ServeHTTP(w, r)
			return
		}
		switch rule.Kind {
		case Throttle:
			refuse(w, r, http.StatusTooManyRequests, rule.RetryAfter)
		case ThrottleBare:
			refuse(w, r, http.StatusTooManyRequests, 0)
		case Unavailable:
			refuse(w, r, http.StatusServiceUnavailable, rule.RetryAfter)
		case Reset:
			panic(http.ErrAbortHandler)
		case Lost:
			next.ServeHTTP(newRecorder(), r)
			panic(http.ErrAbortHandler)
		case Slow:
			d.wait(rule.Delay)
			next.ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (d *Dial) wait(t time.Duration) {
	switch {
	case t <= 0:
	case d.Sleep != nil:
		d.Sleep(t)
	default:
		time.Sleep(t)
	}
}

// RetryAfterSeconds is the value of a Retry-After header for t: whole seconds,
// rounded up, so that waiting it out is always enough.
func RetryAfterSeconds(t time.Duration) int {
	return int((t + time.Second - 1) / time.Second)
}
