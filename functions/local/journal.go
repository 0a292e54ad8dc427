package local

import (
	"bytes"
	"strings"
	"sync"
)

// Journal keeps what processes write. The zero value is empty and ready; its methods may be called at once.
type Journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends.
func (j *Journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

// String is all of it.
func (j *Journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// Lines are those that hold all of these words.
func (j *Journal) Lines(words ...string) (out []string) {
next:
	for line := range strings.Lines(j.String()) {
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue next
			}
		}
		out = append(out, strings.TrimRight(line, "\n"))
	}
	return out
}

// Size is how many bytes there are.
func (j *Journal) Size() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Len()
}
