package gmail

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/core/provision"
)

const (
	// readTries is how often reading is tried while Google throttles, and longestPause the longest time waited for it.
	readTries    = 3
	longestPause = time.Minute
)

// reading is one mailbox while it is read.
type reading struct {
	want *provision.Mailbox
	got  provision.Mailbox
}

func (r *reading) put(aspect provision.Aspect, subject, value string) {
	r.got.Facts[provision.Fact{Aspect: aspect, Subject: subject}] = value
}

func (r *reading) wish(aspect provision.Aspect, subject string) (string, bool) {
	v, ok := r.want.Facts[provision.Fact{Aspect: aspect, Subject: subject}]
	return v, ok
}

// Read implements provision.Admin, with at most five requests for a mailbox. One whose mail service does not exist (yet)
// has no settings, and so no facts. One that Google says not to know is unread, for it says so of suspended ones too. It fails with *provision.Refused where no mailbox can be read, and for a mailbox
// that is not in Config.Mailboxes.
func (s *Settings) Read(ctx context.Context, want []provision.Mailbox, only []provision.Aspect) ([]provision.Mailbox, error) {
	out := make([]provision.Mailbox, len(want))
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var workers sync.WaitGroup
	slots := make(chan struct{}, readers)
	for i := range want {
		out[i] = provision.Mailbox{Address: want[i].Address, Provider: want[i].Provider}
		if want[i].Provider != inbox.Gmail || want[i].Address == "" {
			continue
		}
		slots <- struct{}{}
		workers.Go(func() {
			defer func() { <-slots }()
			var err error
			if out[i], err = s.readMailbox(ctx, &want[i], only); err != nil {
				stop(err) // the first one tells why; the others are cut off
			}
		})
	}
	workers.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Settings) readMailbox(ctx context.Context, want *provision.Mailbox, only []provision.Aspect) (provision.Mailbox, error) {
	r := &reading{want: want, got: provision.Mailbox{
		Address: want.Address, Provider: want.Provider,
		Facts: map[provision.Fact]string{}, Unread: map[provision.Aspect]string{}, Unseen: map[provision.Fact]string{},
	}}
	m, err := s.client.Mailbox(Options{Address: want.Address})
	if err != nil {
		return r.got, err
	}
	for _, p := range parts {
		if only != nil && !slices.ContainsFunc(p.aspects, func(a provision.Aspect) bool { return slices.Contains(only, a) }) {
			continue
		}
		err := s.patiently(ctx, func() error { return p.read(s, ctx, m, r) })
		var refused *provision.Refused
		switch {
		case err == nil:
		case mailServiceMissing(err):
			clear(r.got.Facts)
			return r.got, nil
		case ctx.Err() != nil:
			return r.got, context.Cause(ctx)
		case errors.As(steer(err), &refused):
			return r.got, refused
		default:
			for _, a := range p.aspects {
				r.got.Unread[a] = err.Error()
			}
		}
	}
	for f := range r.got.Facts {
		if only != nil && !slices.Contains(only, f.Aspect) {
			delete(r.got.Facts, f)
		}
	}
	return r.got, nil
}

// patiently waits out a throttling that is short.
func (s *Settings) patiently(ctx context.Context, read func() error) error {
	for try := 1; ; try++ {
		err := read()
		var limited *pipeline.Throttled
		if try == readTries || !errors.As(err, &limited) || limited.After > longestPause {
			return err
		}
		if err := s.client.config.Sleep(ctx, limited.After); err != nil {
			return err
		}
	}
}
