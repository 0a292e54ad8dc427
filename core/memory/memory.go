// Package memory keeps and plays everything the spine needs inside one process: a Store, Watches, a Queue and a
// Provider with people who work in its mailbox. They serve tests, benchmarks and the demo.
//
// They are strict. A call that breaks a promise of its port comes back as an error that wraps ErrMisuse and names the
// promise, instead of being accepted as a real store might. They are also unreliable on request: each has a Fail
// field that is asked before every call what shall go wrong.
//
// A Fail function is given the name of the operation. The first error it returns fails the call before anything has
// happened; the second lets the call have its full effect and then fails it, as a lost answer does. Both nil: the call
// goes on normally. It is called without any lock held, from whatever goroutine makes the call.
//
// Nothing is shared with the caller: values are copied on their way in and out.
package memory

import (
	"errors"
	"fmt"
)

// ErrMisuse is wrapped by the error of every call that breaks a promise of its port.
var ErrMisuse = errors.New("misuse")

func misuse(format string, args ...any) error {
	return fmt.Errorf("memory: %w: %s", ErrMisuse, fmt.Sprintf(format, args...))
}

// ask turns a Fail field into its two errors.
func ask(fail func(string) (before, after error), op string) (before, after error) {
	if fail == nil {
		return nil, nil
	}
	return fail(op)
}
