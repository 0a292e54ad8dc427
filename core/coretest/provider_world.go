package coretest

import (
	"context"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// world is a World and what has been read of it, as the spine would read it.
type world struct {
	World
	t      *testing.T
	cursor inbox.Cursor
	seen   map[inbox.MessageID]inbox.Observation // the latest of each, fetched where it was told without state
	told   map[inbox.MessageID]bool              // since the last call of read
}

// read reads pages to the end. A page that names a message without its state or, when it is new, without its content,
// is completed by Fetch.
func (w *world) read() {
	w.t.Helper()
	w.told = map[inbox.MessageID]bool{}
	w.readOn()
}

func (w *world) readOn() {
	w.t.Helper()
	for pages := 0; w.page(); pages++ {
		if pages == 1000 {
			w.t.Fatal("there is no end of pages")
		}
	}
}

// page reads one page and reports whether there is another at once.
func (w *world) page() bool {
	w.t.Helper()
	page, err := w.Provider.Changes(context.Background(), w.cursor)
	if err != nil {
		w.t.Fatalf("changes: %v", err)
	}
	w.take(page)
	return page.More
}

func (w *world) take(page pipeline.Page) {
	w.t.Helper()
	if page.Next == "" {
		w.t.Fatal("a page without a cursor to read on from")
	}
	w.cursor = page.Next
	if w.seen == nil {
		w.seen, w.told = map[inbox.MessageID]inbox.Observation{}, map[inbox.MessageID]bool{}
	}
	var fetch []inbox.MessageID
	asked := map[inbox.MessageID]bool{}
	for _, o := range page.Changes {
		if o.ID == "" {
			w.t.Fatalf("an observation without an id: %+v", o)
		}
		w.told[o.ID] = true
		before, known := w.seen[o.ID]
		if o.Message == nil && known && !before.Gone {
			o.Message = before.Message
		}
		w.seen[o.ID] = o
		if !o.Gone && (o.State == nil || o.Message == nil) && !asked[o.ID] {
			asked[o.ID] = true
			fetch = append(fetch, o.ID)
		}
	}
	for _, o := range w.fetch(fetch...) {
		w.seen[o.ID] = o
	}
}

// fetch holds that every id is answered once and whole.
func (w *world) fetch(ids ...inbox.MessageID) map[inbox.MessageID]inbox.Observation {
	w.t.Helper()
	out := map[inbox.MessageID]inbox.Observation{}
	if len(ids) == 0 {
		return out
	}
	list, err := w.Provider.Fetch(context.Background(), ids)
	if err != nil {
		w.t.Fatalf("fetch: %v", err)
	}
	for _, o := range list {
		if _, twice := out[o.ID]; twice {
			w.t.Errorf("message %s is answered twice", o.ID)
		}
		if !o.Gone && (o.State == nil || o.Message == nil || o.Message.ID != o.ID) {
			w.t.Fatalf("message %s is not whole: %+v", o.ID, o)
		}
		out[o.ID] = o
	}
	for _, id := range ids {
		if _, there := out[id]; !there {
			w.t.Errorf("message %s is not answered", id)
		}
	}
	if len(out) > len(ids) {
		w.t.Errorf("%d answers to %d ids", len(out), len(ids))
	}
	return out
}

// state is what was read last of a message that must be there.
func (w *world) state(id inbox.MessageID) inbox.State {
	w.t.Helper()
	o, there := w.seen[id]
	if !there || o.Gone || o.State == nil {
		w.t.Fatalf("message %s has not been seen: %+v", id, o)
	}
	return *o.State
}

// holds checks a state's place and markers.
func (w *world) holds(what string, s inbox.State, place inbox.Place, markers ...inbox.Marker) {
	w.t.Helper()
	if s.Place != place {
		w.t.Errorf("%s: place %s, want %s", what, s.Place, place)
	}
	equal(w.t, what, s.Markers, markers)
}

// reallyHolds checks what the provider holds itself.
func (w *world) reallyHolds(id inbox.MessageID, place inbox.Place, markers ...inbox.Marker) {
	w.t.Helper()
	s, there := w.Read(id)
	if !there {
		w.t.Fatalf("message %s is gone", id)
	}
	w.holds("at the provider, message "+string(id), s, place, markers...)
}

// write asks for markers on a message as it was read last.
func (w *world) write(id inbox.MessageID, add, remove []inbox.Marker) pipeline.Write {
	w.t.Helper()
	return pipeline.Write{Message: id, Thread: w.thread(id), State: w.state(id), Add: add, Remove: remove}
}

// thread is what the spine says of a message's thread: nothing where it is only a hint.
func (w *world) thread(id inbox.MessageID) inbox.ThreadID {
	if o := w.seen[id]; o.Message != nil && !o.Message.ThreadIsHint {
		return o.Thread
	}
	return ""
}

// mark holds that each write comes to an end and says so once.
func (w *world) mark(writes ...pipeline.Write) map[inbox.MessageID]pipeline.Written {
	w.t.Helper()
	list, err := w.Provider.Mark(context.Background(), writes)
	if err != nil {
		w.t.Fatalf("mark: %v", err)
	}
	out := w.ends(writes, list)
	for _, x := range writes {
		if _, there := out[x.Message]; !there {
			w.t.Errorf("the write to %s has no end", x.Message)
		}
	}
	return out
}

func (w *world) ends(writes []pipeline.Write, list []pipeline.Written) map[inbox.MessageID]pipeline.Written {
	w.t.Helper()
	asked := map[inbox.MessageID]bool{}
	for _, x := range writes {
		asked[x.Message] = true
	}
	out := map[inbox.MessageID]pipeline.Written{}
	for _, x := range list {
		if _, twice := out[x.Message]; twice || !asked[x.Message] {
			w.t.Errorf("an end of a write to %s that was not asked for, or twice", x.Message)
		}
		out[x.Message] = x
	}
	return out
}

func (w *world) outcome(x pipeline.Written, want pipeline.Outcome) {
	w.t.Helper()
	if x.Outcome != want {
		w.t.Fatalf("the write to %s ended with outcome %d (%s), want %d", x.Message, x.Outcome, x.Why, want)
	}
}
