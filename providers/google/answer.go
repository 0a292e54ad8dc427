package google

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/api/googleapi"
)

// How much is kept of what an answer says, in bytes.
const (
	MaxMessage = 300
	MaxReason  = 80
)

// Answer is an error that Google answered, without the generated clients' types, as an adapter may show it.
type Answer struct {
	Code            int // HTTP status
	Reason, Message string
}

// Error gives all that is there of "403 domainPolicy: message".
func (a *Answer) Error() string {
	s := strconv.Itoa(a.Code)
	if a.Reason != "" {
		s += " " + a.Reason
	}
	if a.Message != "" {
		s += ": " + a.Message
	}
	return s
}

// NewAnswer keeps what matters of what a generated client returned. The reason is that of the first error in the older
// form of the body, or that of an ErrorInfo in the newer.
func NewAnswer(e *googleapi.Error) *Answer {
	a := &Answer{Code: e.Code, Message: Clip(e.Message, MaxMessage)}
	if len(e.Errors) > 0 {
		a.Reason = Clip(e.Errors[0].Reason, MaxReason)
	}
	for _, d := range e.Details {
		if m, ok := d.(map[string]any); ok && a.Reason == "" {
			if r, ok := m["reason"].(string); ok {
				a.Reason = Clip(r, MaxReason)
			}
		}
	}
	return a
}

// Throttled: a quota is spent that fills again by itself, which Google answers with 429 or with 403. The project's own
// daily cap does not count: a person has to raise it.
func (a *Answer) Throttled() bool {
	switch a.Code {
	case http.StatusTooManyRequests:
		return a.Reason != "dailyLimitExceeded"
	case http.StatusForbidden:
		return slices.Contains([]string{"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "RATE_LIMIT_EXCEEDED"}, a.Reason)
	}
	return false
}

// RetryAfter is the time that the header asks to wait, between zero and longest. ok is false if it names none that can be
// read.
func RetryAfter(h http.Header, now time.Time, longest time.Duration) (d time.Duration, ok bool) {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.Atoi(value); err == nil {
		return time.Duration(max(0, min(n, int(longest/time.Second)))) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, min(at.Sub(now), longest)), true
	}
	return 0, false
}

// HasCode reports whether Google answered with one of these status codes.
func HasCode(err error, codes ...int) bool {
	var e *googleapi.Error
	return errors.As(err, &e) && slices.Contains(codes, e.Code)
}

// Clip cuts s to at most n bytes without breaking a character.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
