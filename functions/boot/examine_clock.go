package boot

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/postroom/postroom/core/provision"
)

// How far this machine's clock may be off. Entra and Google refuse assertions that are dated some minutes ahead, and AWS
// requests five minutes off; every time in the timeline is off by as much.
const (
	skewWarn = time.Minute
	skewBad  = 5 * time.Minute
)

// ClockCheck compares this machine's clock with the Date of an answer of each URL. No credential is sent.
func ClockCheck(client *http.Client, urls []string, now func() time.Time) Check {
	return Check{Names: []string{CheckClock}, Look: func(ctx context.Context) []provision.Finding {
		f := provision.Finding{Check: CheckClock, Verdict: provision.Skipped, Says: "no provider is reached"}
		for _, u := range urls {
			skew, err := skewTo(ctx, client, u, now)
			if err != nil {
				f = provision.Finding{Check: CheckClock, Verdict: provision.Skipped, Says: err.Error()}
				continue
			}
			return one(clockFinding(skew))
		}
		return one(f)
	}}
}

// skewTo is how far this machine is ahead of a server, give or take the second that a Date is exact to.
func skewTo(ctx context.Context, client *http.Client, u string, now func() time.Time) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, u, nil)
	if err != nil {
		return 0, err
	}
	sent := now()
	resp, err := client.Do(r)
	if err != nil {
		return 0, fmt.Errorf("%s cannot be reached: %s", r.URL.Host, reason(err))
	}
	io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10))
	resp.Body.Close()
	theirs, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0, fmt.Errorf("%s names no date", r.URL.Host)
	}
	got := now()
	switch {
	case sent.After(theirs.Add(time.Second)):
		return sent.Sub(theirs.Add(time.Second)), nil
	case got.Before(theirs):
		return got.Sub(theirs), nil
	}
	return 0, nil
}

func clockFinding(skew time.Duration) provision.Finding {
	f := provision.Finding{Check: CheckClock, Verdict: provision.Good, Says: "this machine's clock agrees with the provider's"}
	size, way := skew, "fast"
	if skew < 0 {
		size, way = -skew, "slow"
	}
	if size < skewWarn {
		return f
	}
	f.Verdict = provision.Warning
	f.Says = fmt.Sprintf("this machine's clock is %s %s", size.Round(time.Second), way)
	f.Fix = "let the machine set its clock by NTP (timedatectl set-ntp true)"
	if size >= skewBad {
		f.Verdict = provision.Bad
		f.Says += ": tokens and signatures are refused"
	}
	return f
}
