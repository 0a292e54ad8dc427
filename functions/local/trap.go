package local

import (
	"bytes"
	"net/http"
	"sync"
)

// Trap kills a function's processes around one of the requests that they make, counted over everything that it is wrapped
// around: with AtRequest before the request has any effect, with AtAnswer after it has had all of it and before
// anybody hears so. The caller's connection breaks either way.
type Trap struct {
	// Kill ends the processes and returns when they are gone.
	Kill func()

	mu     sync.Mutex
	after  int
	answer bool
	seen   int
	sprung int
}

// AtRequest arms the trap for the nth request from now, 1 being the next.
func (t *Trap) AtRequest(n int) { t.arm(n, false) }

// AtAnswer arms the trap for the answer to the nth request from now.
func (t *Trap) AtAnswer(n int) { t.arm(n, true) }

// Disarm lets everything pass.
func (t *Trap) Disarm() { t.arm(0, false) }

func (t *Trap) arm(n int, answer bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.after, t.answer, t.seen = n, answer, 0
}

// Sprung is how often it has killed.
func (t *Trap) Sprung() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sprung
}

// step counts a request.
func (t *Trap) step() (hit, answer bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.after == 0 {
		return false, false
	}
	if t.seen++; t.seen != t.after {
		return false, false
	}
	t.sprung++
	t.after = 0
	return true, t.answer
}

// Wrap puts the trap in front of a part.
func (t *Trap) Wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hit, answer := t.step()
		if !hit {
			h.ServeHTTP(w, r)
			return
		}
		if answer {
			h.ServeHTTP(&unheard{header: http.Header{}}, r)
		}
		t.Kill()
		panic(http.ErrAbortHandler)
	})
}

// unheard takes an answer that nobody gets.
type unheard struct {
	header http.Header
	bytes.Buffer
}

// Header is written to and read by nobody.
func (u *unheard) Header() http.Header { return u.header }

// WriteHeader does nothing.
func (u *unheard) WriteHeader(int) {}
