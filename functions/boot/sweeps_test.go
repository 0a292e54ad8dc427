package boot_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// swept counts the sweeps of each mailbox that have been enqueued since it was last asked.
func (d *deployed) swept() map[inbox.MailboxID]int {
	out := map[inbox.MailboxID]int{}
	for id, sources := range d.sent() {
		for _, source := range sources {
			if source == "sweep" {
				out[id]++
			}
		}
	}
	return out
}

// each fails the test unless every mailbox was swept n times.
func (d *deployed) each(when string, swept map[inbox.MailboxID]int, n int) {
	d.Helper()
	wrong := 0
	for _, id := range d.mailboxes.IDs() {
		if swept[id] != n {
			wrong++
		}
	}
	if wrong > 0 {
		d.Errorf("%s: %d of %d mailboxes were not swept %d times each", when, wrong, len(d.mailboxes.IDs()), n)
	}
}

func TestSweeps(t *testing.T) {
	t.Parallel()
	d := tenThousand(t)
	d.run()
	d.each("at first", d.swept(), 1)

	total := map[inbox.MailboxID]int{}
	mean := len(d.mailboxes.IDs()) / int(sweepPeriod/time.Minute)
	start := d.now
	for minute := 1; minute <= 3*15; minute++ {
		// The scheduler is seldom on the second.
		d.now = start.Add(time.Duration(minute)*time.Minute + time.Duration(minute*7%3)*400*time.Millisecond)
		if minute%15 == 0 {
			d.now = start.Add(time.Duration(minute) * time.Minute)
		}
		d.run()
		got := d.swept()
		for id := range got {
			total[id]++
		}
		if len(got) > mean*13/10 || len(got) < mean*7/10 {
			t.Errorf("in minute %d %d mailboxes are swept, the mean is %d", minute, len(got), mean)
		}
	}
	d.each("in three periods", total, 3)

	d.after(8 * time.Minute) // seven were missed
	made := d.swept()
	if n := len(made); n < 7*mean || n > 9*mean {
		t.Errorf("after seven missed minutes %d mailboxes are swept, want about %d", n, 8*mean)
	}
	for range 7 {
		d.after(time.Minute)
		for id, n := range d.swept() {
			made[id] += n
		}
	}
	d.each("in the period with the missed minutes", made, 1)

	d.after(10 * sweepPeriod)
	d.each("after ten missed periods", d.swept(), 1)

	d.run()
	if got := d.swept(); len(got) > 0 {
		t.Errorf("run twice in a minute, %d mailboxes are swept again", len(got))
	}
	d.advance(-time.Minute)
	d.run()
	if got := d.swept(); len(got) > 0 {
		t.Errorf("by a clock that goes back, %d mailboxes are swept again", len(got))
	}
}

// TestSweepsOverlap: one run begins while another one is under way. What both do is done twice, and nothing is left out.
func TestSweepsOverlap(t *testing.T) {
	t.Parallel()
	for _, later := range []time.Duration{0, 5 * time.Minute, -5 * time.Minute} {
		t.Run(later.String(), func(t *testing.T) {
			t.Parallel()
			d := deploy(t, severalMailboxes(100))
			d.asleep()
			d.settle()
			start := d.now
			d.advance(8 * time.Minute)
			enqueueAll, nested := d.minute.EnqueueAll, false
			d.minute.EnqueueAll = func(ctx context.Context, hints []pipeline.Hint) error {
				if !nested {
					nested = true
					d.late.Store(int64(later))
					d.run()
					d.late.Store(0)
				}
				return enqueueAll(ctx, hints)
			}
			d.run()
			if !nested {
				t.Fatal("no run was nested")
			}
			d.minute.EnqueueAll = enqueueAll
			doubles := 0
			once := d.swept()
			for id, n := range once {
				if n > 2 {
					t.Errorf("%s was swept %d times", id, n)
				}
				doubles += n - 1
				once[id] = 1
			}
			if doubles == 0 {
				t.Error("the two runs did not overlap")
			}
			for d.now = d.now.Add(max(later, 0)); len(once) < len(d.mailboxes.IDs()); {
				d.after(time.Minute)
				if d.now.Sub(start) > 2*sweepPeriod {
					t.Fatalf("after a period only %d mailboxes have been swept", len(once))
				}
				for id, n := range d.swept() {
					once[id] += n
				}
			}
			d.after(sweepPeriod)
			d.each("in the next period", d.swept(), 1)
		})
	}
}

// TestSweepsSurvive: for some minutes the queue or the store is away. Afterwards every mailbox has been swept, and no more
// often than ticks were cut short.
func TestSweepsSurvive(t *testing.T) {
	t.Parallel()
	broken := errors.New("away")
	for _, op := range []string{"EnqueueAll", "Record", "SaveRecord", "DueTimers", "Mailbox"} {
		for name, failure := range map[string]func() (error, error){
			"before": func() (error, error) { return broken, nil },
			"after":  func() (error, error) { return nil, broken },
		} {
			t.Run(op+" "+name, func(t *testing.T) {
				t.Parallel()
				d := deploy(t, severalMailboxes(100))
				d.asleep()
				d.settle()
				total := map[inbox.MailboxID]int{}
				away := 0
				for minute := range 15 {
					d.advance(time.Minute)
					d.interrupt = nil
					if minute >= 4 && minute < 9 {
						d.interrupt = func(called string) (error, error) {
							if called == op {
								return failure()
							}
							return nil, nil
						}
					}
					_, err := d.minute.Run(d.ctx)
					if err != nil {
						away++
					}
					for id, n := range d.swept() {
						total[id] += n
					}
				}
				if away != 5 {
					t.Errorf("%d runs say that they failed, want 5", away)
				}
				for _, id := range d.mailboxes.IDs() {
					if n := total[id]; n < 1 || n > 1+5 {
						t.Errorf("%s was swept %d times", id, n)
					}
				}
				d.after(sweepPeriod)
				d.each("in the next period", d.swept(), 1)
			})
		}
	}
}

// TestSweepsAfterALostRecord: what the last run left cannot be read. Every mailbox is swept once.
func TestSweepsAfterALostRecord(t *testing.T) {
	t.Parallel()
	d := deploy(t, severalMailboxes(5))
	d.settle()
	watches := fmt.Sprint(d.Graph.Subscriptions())
	d.records.values["tick"] = record{[]byte("{"), d.records.values["tick"].version + 3}
	d.advance(sweepPeriod)
	for range 2 {
		d.run()
	}
	d.each("afterwards", d.swept(), 1)
	if got := fmt.Sprint(d.Graph.Subscriptions()); got != watches {
		t.Errorf("the subscriptions were %s and are %s", watches, got)
	}
	if lines := d.log.lines("level=ERROR", "cannot be read"); len(lines) != 1 {
		t.Errorf("%d lines in the log tell of it", len(lines))
	}
}

// TestIdleMailboxIsNotStale: that an idle mailbox was read is kept only now and then, so that what the tick measures of a
// deployment that is well grows over the sweep's period. The least that StaleMinutes may be is above it.
func TestIdleMailboxIsNotStale(t *testing.T) {
	t.Parallel()
	for _, sweep := range []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, 20 * time.Minute, time.Hour} {
		d := deploy(t, twoMailboxes)
		d.minute.Sweep = sweep
		most := time.Duration(0)
		for range 5 * time.Hour / time.Minute {
			most = max(most, d.after(time.Minute).StalestFor)
			d.work()
		}
		if most > max(3*sweep, time.Hour)*9/10 || most < sweep*9/10 {
			t.Errorf("swept every %s an idle mailbox is measured with %s", sweep, most)
		}
	}
}
