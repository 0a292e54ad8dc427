package graphsim

import "sort"

// logEntry says that a message entered, changed in, or left a folder. Entries
// are ordered by seq. Only a message's newest entry in a folder counts; older
// ones are stale and dropped in time, so a log is never much longer than the
// folder and reading it costs what has changed, not what is there.
type logEntry struct {
	seq  uint64
	at   int64 // Unix nanoseconds
	m    *message
	left string // the volatile id it had, when the message left; "" otherwise
}

func (f *folder) append(e logEntry) {
	f.log = append(f.log, e)
	if len(f.log) > 2*(len(f.messages)+len(f.removed))+256 {
		f.compact()
	}
}

func (f *folder) compact() {
	kept := f.log[:0]
	for _, e := range f.log {
		if f.current(e) {
			kept = append(kept, e)
		}
	}
	clear(f.log[len(kept):])
	f.log = kept
}

func (f *folder) current(e logEntry) bool {
	if e.left != "" {
		return f.removed[e.m] == e.seq
	}
	return e.m.folder == f && e.m.entry == e.seq && f.removed[e.m] == 0
}

// after is the part of the log behind a sequence number.
func (f *folder) after(seq uint64) []logEntry {
	i := sort.Search(len(f.log), func(i int) bool { return f.log[i].seq > seq })
	return f.log[i:]
}
