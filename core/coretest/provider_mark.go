package coretest

import (
	"context"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

func markers(m ...inbox.Marker) []inbox.Marker { return m }

func providerMark(w *world) {
	id, other := w.receive("a"), w.receive("b")
	w.Mark(id, Theirs, true)
	w.Mark(id, Waiting, true)
	w.read()
	end := w.mark(w.write(id, markers(One), markers(Waiting)))[id]
	w.outcome(end, pipeline.Done)
	w.holds("the write's end", end.State, inbox.Inbox, One, Theirs)
	w.reallyHolds(id, inbox.Inbox, One, Theirs)
	w.reallyHolds(other, inbox.Inbox)

	// The end's state is good for the next write.
	next := pipeline.Write{Message: id, Thread: w.thread(id), State: end.State, Add: markers(Two, Waiting), Remove: markers(One)}
	end = w.mark(next)[id]
	w.outcome(end, pipeline.Done)
	w.holds("the second write's end", end.State, inbox.Inbox, Two, Theirs, Waiting)
	w.reallyHolds(id, inbox.Inbox, Two, Theirs, Waiting)
	next = pipeline.Write{Message: id, Thread: w.thread(id), State: end.State, Remove: markers(Two, Waiting)}
	w.outcome(w.mark(next)[id], pipeline.Done)
	w.reallyHolds(id, inbox.Inbox, Theirs)
	if list, err := w.Provider.Mark(context.Background(), nil); err != nil || len(list) != 0 {
		w.t.Errorf("no writes ended as %v, %v", list, err)
	}
}

func providerMarkAgain(w *world) {
	id := w.receive("a")
	w.Mark(id, Theirs, true)
	w.Mark(id, Two, true)
	w.read()
	write := w.write(id, markers(One), markers(Two))
	for range 3 { // with the state of before, as after an answer that was lost
		end := w.mark(write)[id]
		w.outcome(end, pipeline.Done)
		w.holds("the write's end", end.State, inbox.Inbox, One, Theirs)
		w.reallyHolds(id, inbox.Inbox, One, Theirs)
	}
	w.read()
	w.outcome(w.mark(w.write(id, markers(One), markers(Two)))[id], pipeline.Done) // with the state of now
	w.reallyHolds(id, inbox.Inbox, One, Theirs)
}

func providerMarkMany(w *world) {
	ids := w.receiveMany("a", 45) // more than one batch of either provider
	w.Mark(ids[0], Two, true)
	w.Mark(ids[20], Theirs, true)
	w.read()
	var writes []pipeline.Write
	for i, id := range ids {
		switch {
		case i%3 == 0:
			writes = append(writes, w.write(id, markers(One), markers(Two)))
		case i%3 == 1:
			writes = append(writes, w.write(id, markers(Two, Waiting), nil))
		default:
			writes = append(writes, w.write(id, markers(One), nil))
		}
	}
	ends := w.mark(writes...)
	for i, id := range ids {
		want := markers(One)
		if i%3 == 1 {
			want = markers(Two, Waiting)
		}
		if i == 20 {
			want = markers(One, Theirs)
		}
		w.outcome(ends[id], pipeline.Done)
		w.holds("the write's end", ends[id].State, inbox.Inbox, want...)
		w.reallyHolds(id, inbox.Inbox, want...)
	}
}

func providerMarkThread(w *world) {
	a := w.receive("a")
	b := w.Receive(raw("b", "Re: Order a", "In-Reply-To: <a@example.net>", "References: <a@example.net>"))
	other := w.Receive(raw("c", "Something else"))
	w.Move(b, inbox.Archive)
	w.Mark(b, Theirs, true)
	w.Mark(a, Two, true)
	w.Mark(b, Two, true)
	w.read()
	var writes []pipeline.Write
	for _, id := range []inbox.MessageID{a, b} {
		x := w.write(id, markers(One), markers(Two))
		x.WholeThread = x.Thread != "" // a hint is no thread to write to
		writes = append(writes, x)
	}
	for range 2 {
		ends := w.mark(writes...)
		w.outcome(ends[a], pipeline.Done)
		w.outcome(ends[b], pipeline.Done)
		w.holds("the end at the first", ends[a].State, inbox.Inbox, One)
		w.holds("the end at the second", ends[b].State, inbox.Archive, One, Theirs)
		w.reallyHolds(a, inbox.Inbox, One)
		w.reallyHolds(b, inbox.Archive, One, Theirs)
		w.reallyHolds(other, inbox.Inbox)
	}
}

func providerMarkGone(w *world) {
	ids := w.receiveMany("a", 3)
	w.read()
	w.Delete(ids[1])
	var writes []pipeline.Write
	for _, id := range ids {
		writes = append(writes, w.write(id, markers(One), nil))
	}
	ends := w.mark(writes...)
	w.outcome(ends[ids[0]], pipeline.Done)
	w.outcome(ends[ids[1]], pipeline.Missing)
	w.outcome(ends[ids[2]], pipeline.Done)
	w.reallyHolds(ids[0], inbox.Inbox, One)
	w.reallyHolds(ids[2], inbox.Inbox, One)
}

func providerEcho(w *world) {
	id := w.receive("a")
	w.read()
	end := w.mark(w.write(id, markers(One), nil))[id]
	w.outcome(end, pipeline.Done)
	w.read()
	w.holds("our own mark", w.state(id), inbox.Inbox, One)
	if s := w.state(id); w.told[id] && s.Stamp != 0 && end.State.Stamp > s.Stamp {
		w.t.Errorf("the state that is told has stamp %d, which is older than %d of the write's end", s.Stamp, end.State.Stamp)
	}
	w.Mark(id, One, false)
	w.Mark(id, Two, true)
	w.read()
	w.holds("a person's mark after ours", w.state(id), inbox.Inbox, Two)
	if s := w.state(id); s.Stamp != 0 && s.Stamp < end.State.Stamp {
		w.t.Errorf("a person's later mark has stamp %d, ours had %d", s.Stamp, end.State.Stamp)
	}
}

func providerTheirsMeanwhile(w *world) {
	id := w.receive("a")
	w.Mark(id, Two, true)
	w.read()
	write := w.write(id, markers(One), markers(Two))
	w.Mark(id, Theirs, true) // after we looked
	end := w.mark(write)[id]
	w.outcome(end, pipeline.Done)
	w.holds("the write's end", end.State, inbox.Inbox, One, Theirs)
	w.reallyHolds(id, inbox.Inbox, One, Theirs)
	w.read()
	write = w.write(id, markers(Two), nil)
	w.Mark(id, Theirs, false)
	w.outcome(w.mark(write)[id], pipeline.Done)
	w.reallyHolds(id, inbox.Inbox, One, Two)
}

func providerOursMeanwhile(w *world) {
	id := w.receive("a")
	w.Mark(id, Two, true)
	w.Mark(id, Theirs, true)
	w.read()
	write := w.write(id, markers(One), markers(Two))
	w.Mark(id, Two, false) // a person gives it back after we looked
	end := w.mark(write)[id]
	if w.Guarded {
		w.outcome(end, pipeline.Changed)
		w.holds("what is there", end.State, inbox.Inbox, Theirs)
		w.reallyHolds(id, inbox.Inbox, Theirs)
		write.State = end.State // decided anew
		end = w.mark(write)[id]
	}
	w.outcome(end, pipeline.Done)
	w.holds("the write's end", end.State, inbox.Inbox, One, Theirs)
	w.reallyHolds(id, inbox.Inbox, One, Theirs)
}

func providerThrottledMarking(w *world) {
	ids := w.receiveMany("a", 25)
	w.Mark(ids[7], Theirs, true)
	w.read()
	var writes []pipeline.Write
	for _, id := range ids {
		writes = append(writes, w.write(id, markers(One), nil))
	}
	for _, times := range []int{longThrottle, 1} {
		w.Throttle(times)
		list, err := w.Provider.Mark(context.Background(), writes)
		w.Throttle(0)
		if err != nil {
			w.throttled(err)
		} else if times == longThrottle {
			w.t.Fatal("a refused write came to a good end")
		}
		for id, end := range w.ends(writes, list) { // what is said to have ended has ended
			w.outcome(end, pipeline.Done)
			if s, _ := w.Read(id); !s.Has(One) {
				w.t.Errorf("the write to %s is reported and did not happen", id)
			}
		}
	}
	ends := w.mark(writes...)
	for i, id := range ids {
		w.outcome(ends[id], pipeline.Done)
		want := markers(One)
		if i == 7 {
			want = markers(One, Theirs)
		}
		w.reallyHolds(id, inbox.Inbox, want...)
	}
}

func providerLostWrite(w *world) {
	id, other := w.receive("a"), w.receive("b")
	w.Mark(id, Theirs, true)
	w.Mark(id, Two, true)
	w.read()
	writes := []pipeline.Write{w.write(id, markers(One), markers(Two)), w.write(other, markers(Waiting), nil)}
	w.LoseNextWrite()
	list, err := w.Provider.Mark(context.Background(), writes)
	ends := w.ends(writes, list)
	if err == nil && len(ends) != len(writes) {
		w.t.Errorf("%d of %d writes came to an end, and no error", len(ends), len(writes))
	}
	for id, end := range ends {
		w.outcome(end, pipeline.Done)
		if s, _ := w.Read(id); !s.Has(One) && !s.Has(Waiting) {
			w.t.Errorf("the write to %s is reported and did not happen", id)
		}
	}
	again := w.mark(writes...)
	w.outcome(again[id], pipeline.Done)
	w.outcome(again[other], pipeline.Done)
	w.reallyHolds(id, inbox.Inbox, One, Theirs)
	w.reallyHolds(other, inbox.Inbox, Waiting)
}
