package boot

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// reportState is how far a report has come.
type reportState struct {
	Next int            `json:"next"` // addresses that have been looked at
	Plan provision.Plan `json:"plan"` // what was found at them
	More int            `json:"more"` // differences beyond maxDrift, which are only counted
}

// maxDrift is how many differences are told and kept one by one, as many as fit a record. At the first look at a large tenant, before
// anything is applied, there are more; nobody reads them one by one.
const maxDrift = 5000

// reportAtOnce is how many mailboxes are read before it is asked whether there is time for more.
const reportAtOnce = 25

// DriftReport is what a look for drift has found.
type DriftReport struct {
	Mailboxes int    `json:"mailboxes"`        // that were looked at
	Drift     int    `json:"drift"`            // differences from the manifest
	New       int    `json:"new"`              // of these, told of for the first time
	Unread    int    `json:"unread,omitempty"` // what could not be read
	Task      string `json:"task,omitempty"`   // the next invocation goes on with it; the numbers are so far
}

// report looks for differences between the tenants and the manifest. It changes nothing at the tenants. What is found is told
// once, on the timelines and to people, as long as it stays the same.
func (p *Provisioner) report(ctx context.Context, t *task) (any, error) {
	out, err := p.look(ctx, t)
	if err != nil {
		// The metric of a failure is written even so, for the alarm.
		v := Values{}
		v.Observe(MetricPlanFailures, 1)
		p.measure(ctx, v)
	}
	return out, err
}

// reported is the report that an event asks for. Delivered again it goes on where the first delivery has handed on.
func (p *Provisioner) reported(ctx context.Context, id string) (any, error) {
	t, there, err := p.loadTask(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case !there:
		t = &task{ID: id, Do: doReport, Began: p.Now()}
	case !t.Ended.IsZero():
		p.Log.InfoContext(ctx, "reported already", "task", id)
		return nil, nil
	}
	return p.report(ctx, t)
}

func (p *Provisioner) measure(ctx context.Context, v Values) {
	if err := p.Metrics.Write(v, nil); err != nil {
		p.Log.ErrorContext(ctx, "metrics not written", "error", err.Error())
	}
}

func (p *Provisioner) look(ctx context.Context, t *task) (out DriftReport, err error) {
	if !p.Administers(inbox.M365) && !p.Administers(inbox.Gmail) {
		p.Log.InfoContext(ctx, "nothing to look at: the deployment has no identity that administers a tenant")
		return out, nil
	}
	work, stop := p.within(ctx)
	defer stop()
	w, err := p.wish(work)
	if err != nil {
		return out, err
	}
	if len(w.want) == 0 {
		p.Log.InfoContext(ctx, "nothing to look at: the deployment administers no mailbox of the manifest", "left", w.left)
		return out, nil
	}
	if t.Report == nil {
		t.Report = &reportState{}
	}
	s, all := t.Report, w.addresses()
	for s.Next < len(all) {
		began, from := p.Now(), s.Next
		var only []inbox.MailboxID // all
		if len(all) > reportAtOnce {
			only = all[s.Next:min(s.Next+reportAtOnce, len(all))]
		}
		part, err := p.plan(work, w, true, only) // with what would take away: to find it is no harm
		var beyond provision.Plan
		if err == nil && slices.Contains(only, "") {
			beyond, err = p.strays(work, w)
		}
		if err != nil && work.Err() == nil {
			return out, err
		}
		if err == nil {
			s.add(part)
			s.add(beyond)
			s.Next = min(s.Next+reportAtOnce, len(all))
		}
		if s.Next < len(all) && p.short(work, p.Now().Sub(began)) {
			if s.Next == from && t.Legs > 2 {
				return out, fmt.Errorf("%d mailboxes from %s on cannot be read in one invocation", reportAtOnce, all[from])
			}
			out = DriftReport{Mailboxes: mailboxes(all[:s.Next]), Drift: len(s.Plan.Steps) + len(s.Plan.Held) + s.More, Unread: len(s.Plan.Unread), Task: t.ID}
			return out, p.handOn(ctx, t)
		}
	}
	for _, d := range w.unfit {
		s.Plan.Unread = append(s.Plan.Unread, d.unread())
	}
	out = DriftReport{Mailboxes: mailboxes(all), Unread: len(s.Plan.Unread)}
	if out.Drift, out.New, err = p.found(ctx, s.Plan, s.More); err != nil {
		return out, err
	}
	v := Values{}
	v.Observe(MetricDriftSteps, float64(out.Drift))
	v.Observe(MetricPlanFailures, float64(out.Unread))
	p.measure(ctx, v)
	for _, u := range s.Plan.Unread {
		p.Log.ErrorContext(ctx, "not known whether it has drifted", "mailbox", u.Mailbox, "provider", u.Provider, "aspect", u.Aspect, "error", u.Why)
	}
	p.Log.InfoContext(ctx, "looked for drift", "mailboxes", out.Mailboxes, "drift", out.Drift, "new", out.New, "unread", out.Unread)
	if t.version > 0 { // it was handed on
		t.Report, t.Ended = nil, p.Now()
		return out, p.saveTask(ctx, t)
	}
	return out, nil
}

// strays plans for mailboxes that are in the app's reach and not wanted there, which a plan for some mailboxes leaves out.
func (p *Provisioner) strays(ctx context.Context, w wish) (provision.Plan, error) {
	have, err := w.estate.Read(ctx, w.want, []provision.Aspect{provision.Reach})
	if err != nil {
		return provision.Plan{}, fmt.Errorf("which mailboxes are in the app's reach: %w", err)
	}
	wanted := w.addresses()
	tenants := w.only("").want
	beyond := slices.Clone(tenants) // as they are wanted, for they have been looked at
	for _, m := range have {
		if !slices.Contains(wanted, m.Address) {
			beyond = append(beyond, m)
		}
	}
	return provision.Make(tenants, beyond, provision.Options{Manifest: w.source, Made: p.Now(), AllowRemove: true, Manual: w.estate.Manual}), nil
}

// short reports whether there may be too little time for once more what has just taken so long.
func (p *Provisioner) short(work context.Context, took time.Duration) bool {
	end, ok := work.Deadline()
	return work.Err() != nil || ok && end.Sub(p.Now()) < took+took/2
}

func mailboxes(list []inbox.MailboxID) int {
	if slices.Contains(list, "") {
		return len(list) - 1
	}
	return len(list)
}

// add joins a part of a plan to what was found so far.
func (s *reportState) add(part provision.Plan) {
	p := &s.Plan
	if part.Format == 0 {
		return
	}
	p.Format, p.Manifest, p.Made, p.AllowRemove = part.Format, part.Manifest, part.Made, part.AllowRemove
	p.Steps = append(p.Steps, part.Steps...)
	p.Held = append(p.Held, part.Held...)
	all := len(p.Steps) + len(p.Held)
	p.Steps = p.Steps[:min(len(p.Steps), maxDrift)]
	p.Held = p.Held[:min(len(p.Held), maxDrift-len(p.Steps))]
	s.More += all - len(p.Steps) - len(p.Held)
	p.Unread = append(p.Unread, part.Unread...)
	p.Unseen = append(p.Unseen, part.Unseen...)
	for _, n := range part.Notes {
		if !slices.Contains(p.Notes, n) {
			p.Notes = append(p.Notes, n)
		}
	}
}

// found tells of what has drifted and was not told of yet. It first keeps what it is going to tell, then tells it, then keeps
// that it has: whoever dies in between leaves it to be told again, and entries of the timeline have the same key then.
// more differences than those of the plan are only counted.
func (p *Provisioner) found(ctx context.Context, plan provision.Plan, more int) (all, fresh int, err error) {
	known, version, err := p.loadDrift(ctx)
	if err != nil {
		return 0, 0, err
	}
	entries := plan.Drift(p.Now(), "postroom")
	all = len(entries) + more
	now := known.after(entries, plan.Unread, p.Now())
	if err := p.saveDrift(ctx, now, &version); err != nil {
		return 0, 0, err
	}
	var untold []provision.Entry
	for _, e := range entries {
		if d := now[e.Key]; !d.Told {
			e.Key, e.At = fmt.Sprintf("%s/%d", e.Key, d.Since.Unix()), d.Since // what went and came again is told again
			untold = append(untold, e)
		}
	}
	if len(untold) == 0 {
		return all, 0, nil
	}
	if err := p.Journal.Record(ctx, untold); err != nil {
		return 0, 0, fmt.Errorf("note the drift down: %w", err)
	}
	subject, text := driftNotice(p.Stack, plan, all, len(untold))
	if err := p.Publish(ctx, subject, text); err != nil {
		return 0, 0, fmt.Errorf("tell of the drift: %w", err)
	}
	for key, d := range now {
		d.Told = true
		now[key] = d
	}
	return all, len(untold), p.saveDrift(ctx, now, &version)
}

func (p *Provisioner) loadDrift(ctx context.Context) (drift, int64, error) {
	known := drift{}
	version, err := loadRecord(ctx, p.Records, driftRecord, &known)
	if err != nil {
		return nil, 0, fmt.Errorf("what had drifted: %w", err)
	}
	return known, version, nil
}

// saveDrift stores what has drifted. Two reports at once are one too many, and the later to save ends.
func (p *Provisioner) saveDrift(ctx context.Context, d drift, version *int64) error {
	if err := saveRecord(ctx, p.Records, driftRecord, d, *version); err != nil {
		return fmt.Errorf("keep what has drifted: %w", err)
	}
	*version++
	return nil
}
