package local

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Function is one Lambda function. Its exported fields are set before the first invocation. The methods may be called at
// once; Close ends it.
type Function struct {
	Name    string            // AWS_LAMBDA_FUNCTION_NAME
	Binary  string            // the bootstrap: see [Build]
	Env     map[string]string // its environment besides what Lambda sets
	Timeout time.Duration     // after which Lambda kills the process; 0 is a minute
	Memory  int               // MB; it is told to the process and not enforced; 0 is 512
	// Concurrency is how many processes there are at most; 0 is 1. An invocation beyond that waits.
	Concurrency int
	// Log has what the processes wrote to their standard output and error.
	Log Journal

	mu      sync.Mutex
	places  chan struct{}
	idle    []*runtime
	running map[*runtime]bool
	inits   []time.Duration
	count   int
	closed  bool
}

// Result is what came of an invocation.
type Result struct {
	Payload  []byte        // what the function answered
	Duration time.Duration // from the event's handing over to the answer
	Init     time.Duration // from the start of the process to its first poll; 0 when it was warm
}

// FunctionError is a failure that the function reported, or that Lambda reports of it: its process ended
// (Runtime.ExitError) or ran into its timeout (Sandbox.Timedout).
type FunctionError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

func (f *Function) timeout() time.Duration {
	if f.Timeout == 0 {
		return time.Minute
	}
	return f.Timeout
}

func (f *Function) arn() string {
	return "arn:aws:lambda:" + Region + ":" + Account + ":function:" + f.Name
}

// Invoke takes one event through the function: event is sent as it is when it is a []byte, else as JSON. The process is a
// warm one if there is one. It fails with a *FunctionError when the function failed.
func (f *Function) Invoke(ctx context.Context, event any) (Result, error) {
	payload, ok := event.([]byte)
	if !ok {
		var err error
		if payload, err = json.Marshal(event); err != nil {
			return Result{}, fmt.Errorf("local: invoke %s: %w", f.Name, err)
		}
	}
	places := f.room()
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
	case <-ctx.Done():
		return Result{}, fmt.Errorf("local: invoke %s: %w", f.Name, ctx.Err())
	}
	var out Result
	r, err := f.environmentFor(ctx, &out)
	if err != nil {
		return out, err
	}
	began := time.Now()
	a, more := r.run(ctx, &invocation{
		id: requestID(), payload: payload, deadline: began.Add(f.timeout()), answered: make(chan answer, 1),
	})
	out.Payload, out.Duration = a.payload, time.Since(began)
	f.release(r, more)
	if a.failure != nil {
		return out, a.failure
	}
	return out, nil
}

// requestID makes an id of the form that Lambda gives its requests.
func requestID() string {
	b := make([]byte, 16)
	rand.Read(b)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (f *Function) room() chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.places == nil {
		f.places = make(chan struct{}, max(f.Concurrency, 1))
		f.running = map[*runtime]bool{}
	}
	f.count++
	return f.places
}

// environmentFor gives a process that is ready: a warm one or a new one.
func (f *Function) environmentFor(ctx context.Context, out *Result) (*runtime, error) {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil, fmt.Errorf("local: invoke %s: it is closed", f.Name)
	}
	for len(f.idle) > 0 {
		r := f.idle[len(f.idle)-1]
		f.idle = f.idle[:len(f.idle)-1]
		select {
		case <-r.ended: // killed while it was idle
			continue
		default:
		}
		f.running[r] = true
		f.mu.Unlock()
		return r, nil
	}
	r, err := f.start()
	if err != nil {
		f.mu.Unlock()
		return nil, err
	}
	f.running[r] = true
	f.mu.Unlock()

	timeout := time.NewTimer(initTimeout)
	defer timeout.Stop()
	select {
	case <-r.inits:
		out.Init = r.initTime()
		f.mu.Lock()
		f.inits = append(f.inits, out.Init)
		f.mu.Unlock()
		return r, nil
	case <-r.ended:
	case <-timeout.C:
		r.kill()
	case <-ctx.Done():
		r.kill()
	}
	f.release(r, false)
	return nil, r.exited(requestID())
}

// initTimeout is how long Lambda waits for the first poll ("Understanding the Lambda execution environment lifecycle").
const initTimeout = 10 * time.Second

func (f *Function) release(r *runtime, fit bool) {
	f.mu.Lock()
	delete(f.running, r)
	keep := fit && !f.closed
	if keep {
		f.idle = append(f.idle, r)
	}
	f.mu.Unlock()
	if !keep {
		r.kill()
	}
}

// Kill ends all processes of the function with SIGKILL, whatever they are doing, and returns how many there were once
// they are gone. The next invocation starts a new one.
func (f *Function) Kill() int {
	f.mu.Lock()
	list := slices.Clone(f.idle)
	f.idle = nil
	for r := range f.running {
		list = append(list, r)
	}
	f.mu.Unlock()
	for _, r := range list {
		r.kill()
	}
	return len(list)
}

// Close ends the function: no new invocation begins, and its processes are gone when Close returns.
func (f *Function) Close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.Kill()
}

// Inits are how long the processes took from their start to the first poll.
func (f *Function) Inits() []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.inits)
}

// Invocations is how many there have been.
func (f *Function) Invocations() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}
