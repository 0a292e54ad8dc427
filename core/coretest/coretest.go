// Package coretest holds the conformance suites of the spine's ports: one for each port, passed by every
// implementation of it. A suite speaks only of what its port promises, in the port's words, and asserts on what can be
// read back, never on how an implementation got there.
package coretest

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/postroom/postroom/core/pipeline"
)

// epoch is when the suites' stories begin.
var epoch = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return epoch.Add(time.Duration(minutes) * time.Minute) }

// equal fails the test unless got and want encode to the same JSON: what is kept has to survive encoding, but not the
// difference between no list and an empty one.
func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	g, w := encode(t, got), encode(t, want)
	if g != w {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("encode %T: %v", v, err)
	}
	return string(b)
}

// ok fails the test at once on an error.
func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantConflict(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, pipeline.ErrConflict) {
		t.Fatalf("got %v, want ErrConflict", err)
	}
}

// must is a value whose error fails the test at once.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		ok(t, err)
		return v
	}
}
