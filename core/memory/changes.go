package memory

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// step is one change of one message and the state it led to.
type step struct {
	seq   int64
	m     *message
	state inbox.State
	gone  bool
}

// position is what a cursor says. Up to start it lists what is there; after it, what has changed.
type position struct {
	epoch       int
	start, read int64
	since       int64 // milliseconds of the epoch: older mail is not listed; 0 lists all
}

func (at position) cursor() inbox.Cursor {
	return inbox.Cursor(fmt.Sprintf("%d.%d.%d.%d", at.epoch, at.start, at.read, at.since))
}

// Since implements pipeline.Provider.
func (p *Provider) Since(t time.Time) inbox.Cursor {
	return inbox.Cursor(fmt.Sprint("since.", t.UnixMilli()))
}

func begins(c inbox.Cursor) bool { return c == "" || strings.HasPrefix(string(c), "since.") }

func (p *Provider) position(c inbox.Cursor) (position, error) {
	at := position{epoch: p.epoch, start: p.seq}
	if c == "" {
		return at, nil
	}
	if begins(c) {
		if _, err := fmt.Sscanf(string(c), "since.%d", &at.since); err != nil {
			return position{}, misuse("cursor %q was never given out", c)
		}
		return at, nil
	}
	_, err := fmt.Sscanf(string(c), "%d.%d.%d.%d", &at.epoch, &at.start, &at.read, &at.since)
	if err != nil || at.cursor() != c || at.epoch > p.epoch || at.read > p.seq || at.start > p.seq {
		return position{}, misuse("cursor %q was never given out", c)
	}
	if at.epoch != p.epoch {
		return position{}, fmt.Errorf("memory: cursor %q: %w", c, pipeline.ErrCursorExpired)
	}
	return at, nil
}

// Changes implements pipeline.Provider.
func (p *Provider) Changes(ctx context.Context, cursor inbox.Cursor) (page pipeline.Page, err error) {
	err = p.call(ctx, "Changes", func() error {
		at, err := p.position(cursor)
		if err != nil {
			return err
		}
		page = p.page(at)
		page.Afresh = begins(cursor)
		if cursor == "" {
			page.Total = len(p.messages)
		}
		return nil
	})
	if err != nil {
		return pipeline.Page{}, err
	}
	return page, nil
}

func (p *Provider) page(at position) pipeline.Page {
	size := p.PageSize
	if size == 0 {
		size = 100
	}
	var page pipeline.Page
	in := map[*message]bool{}
	earlier := p.log[:p.after(at.read)]
	for _, s := range p.log[len(earlier):] {
		listing := s.seq <= at.start
		if p.tells(s, listing) && !(listing && s.m.mail.At.UnixMilli() < at.since) {
			if len(page.Changes) >= size || in[s.m] {
				page.More = true
				break
			}
			in[s.m] = true
			detail := p.Changed
			if listing {
				detail = p.Listing
			}
			o := observe(s.m, s, detail)
			o.New = p.News && s.m.born > at.start
			page.Changes = append(page.Changes, o)
			page.Changes = p.repeat(page.Changes, earlier, at, in)
		}
		at.read = s.seq
	}
	page.Next = at.cursor()
	return page
}

// tells reports whether a page shows a step: in a listing what is there, later the newest step of each message.
func (p *Provider) tells(s step, listing bool) bool {
	if s.seq == s.m.last {
		return !listing || !s.gone
	}
	return !listing && p.Steps && !p.NoStamps
}

// repeat may tell again of a message whose newest step was read before this page.
func (p *Provider) repeat(changes []inbox.Observation, earlier []step, at position, in map[*message]bool) []inbox.Observation {
	if p.Rand == nil || len(earlier) == 0 || p.Rand.Float64() >= p.Repeat {
		return changes
	}
	s := earlier[p.Rand.IntN(len(earlier))]
	if s.seq != s.m.last || in[s.m] || s.gone && s.seq <= at.start {
		return changes
	}
	in[s.m] = true
	return slices.Insert(changes, p.Rand.IntN(len(changes)+1), observe(s.m, s, p.Changed))
}

// after is where in the log the steps behind seq begin.
func (p *Provider) after(seq int64) int {
	return sort.Search(len(p.log), func(i int) bool { return p.log[i].seq > seq })
}

// changed records a step of m after its state or content has changed.
func (p *Provider) changed(m *message) {
	p.seq++
	m.last = p.seq
	if m.born == 0 {
		m.born = p.seq
	}
	if !p.NoStamps {
		m.state.Stamp = p.seq
	}
	if p.Guarded {
		m.state.Revision = fmt.Sprintf("r%d", p.seq)
	}
	p.log = append(p.log, step{seq: p.seq, m: m, state: m.state, gone: m.gone})
	if len(p.log) > 2*(len(p.messages)+p.gone)+256 {
		p.log = slices.DeleteFunc(p.log, func(s step) bool { return s.seq != s.m.last })
	}
}

func observe(m *message, s step, detail Detail) inbox.Observation {
	o := inbox.Observation{ID: m.mail.ID, Thread: m.mail.Thread, Gone: s.gone}
	if s.gone {
		return o
	}
	if detail != NameOnly {
		state := copyState(s.state)
		o.State = &state
	}
	if detail == Whole && !m.gone {
		mail := copyMessage(m.mail)
		o.Message = &mail
	}
	return o
}

// sortMarkers orders markers as a State promises.
func sortMarkers(list []inbox.Marker) {
	slices.SortFunc(list, func(a, b inbox.Marker) int { return strings.Compare(string(a), string(b)) })
}
