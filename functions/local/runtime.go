package local

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"sync"
	"time"
)

// maxPayload bounds what a function answers, in bytes ("Lambda quotas": 6 MB for a synchronous invocation).
const maxPayload = 6 << 20

// invocation is one event on its way through a process.
type invocation struct {
	id       string
	payload  []byte
	deadline time.Time
	answered chan answer // has room for one
}

// answer is what a process said to an invocation.
type answer struct {
	payload []byte
	failure *FunctionError
}

// runtime is one execution environment: a process, and the Runtime API that this process alone polls.
type runtime struct {
	function *Function
	cmd      *exec.Cmd
	server   *http.Server
	began    time.Time

	inits  chan struct{} // closed at the first poll: the process is ready
	events chan *invocation
	ended  chan struct{} // closed once the process is gone

	mu      sync.Mutex
	init    time.Duration
	current *invocation
	polled  chan struct{} // closed when the process polls again after an invocation
	refusal *FunctionError
}

// start starts a process. It returns at once; inits or ended say how that goes.
func (f *Function) start() (*runtime, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("local: start %s: %w", f.Name, err)
	}
	r := &runtime{
		function: f, inits: make(chan struct{}), events: make(chan *invocation, 1), ended: make(chan struct{}),
		polled: make(chan struct{}),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", r.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", r.respond)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", r.fail)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", r.failInit)
	r.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	r.cmd = exec.Command(f.Binary)
	r.cmd.Env = f.environment(listener.Addr().String())
	r.cmd.Stdout, r.cmd.Stderr = &f.Log, &f.Log
	r.began = time.Now()
	if err := r.cmd.Start(); err != nil {
		listener.Close()
		return nil, fmt.Errorf("local: start %s: %w", f.Name, err)
	}
	go r.server.Serve(listener) // ends with the process, in wait
	go r.wait()
	return r, nil
}

func (r *runtime) wait() {
	r.cmd.Wait() // how it ended is in ProcessState
	r.server.Close()
	close(r.ended)
}

// next hands the process the invocation that comes next; until there is one it keeps the process waiting.
func (r *runtime) next(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	if r.init == 0 {
		r.init = time.Since(r.began)
		close(r.inits)
	}
	if r.current != nil {
		r.current = nil
		close(r.polled)
		r.polled = make(chan struct{})
	}
	r.mu.Unlock()
	select {
	case <-req.Context().Done():
	case v := <-r.events:
		r.mu.Lock()
		r.current = v
		r.mu.Unlock()
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", v.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(v.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", r.function.arn())
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0")
		w.Write(v.payload) // a process that is gone is met by wait
	}
}

// take gives the invocation that a request of the process is about.
func (r *runtime) take(w http.ResponseWriter, req *http.Request) (*invocation, []byte, bool) {
	r.mu.Lock()
	v := r.current
	r.mu.Unlock()
	if v == nil || v.id != req.PathValue("id") {
		http.Error(w, `{"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}`, http.StatusBadRequest)
		return nil, nil, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxPayload))
	if err != nil {
		http.Error(w, `{"errorType":"RequestEntityTooLarge","errorMessage":"Exceeded maximum allowed payload size (6291556 bytes)."}`, http.StatusRequestEntityTooLarge)
		return nil, nil, false
	}
	return v, body, true
}

func (r *runtime) respond(w http.ResponseWriter, req *http.Request) {
	if v, body, ok := r.take(w, req); ok {
		v.say(answer{payload: body})
		accepted(w)
	}
}

func (r *runtime) fail(w http.ResponseWriter, req *http.Request) {
	if v, body, ok := r.take(w, req); ok {
		v.say(answer{failure: functionError(body)})
		accepted(w)
	}
}

func (r *runtime) failInit(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxPayload))
	if err != nil {
		http.Error(w, "{}", http.StatusRequestEntityTooLarge)
		return
	}
	r.mu.Lock()
	r.refusal = functionError(body)
	r.mu.Unlock()
	accepted(w)
}

func accepted(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, `{"status":"OK"}`)
}

// say keeps the first answer.
func (v *invocation) say(a answer) {
	select {
	case v.answered <- a:
	default:
	}
}

func functionError(body []byte) *FunctionError {
	f := &FunctionError{}
	if err := json.Unmarshal(body, f); err != nil {
		return &FunctionError{Type: "Runtime.Unknown", Message: string(body)}
	}
	return f
}

// run takes one event through the process. The process is fit for another one when more is true.
func (r *runtime) run(ctx context.Context, v *invocation) (a answer, more bool) {
	r.mu.Lock()
	polled := r.polled
	r.mu.Unlock()
	r.events <- v
	timeout := time.NewTimer(time.Until(v.deadline))
	defer timeout.Stop()
	select {
	case a = <-v.answered:
	case <-r.ended:
		select {
		case a = <-v.answered: // it said something before it ended
		default:
			return answer{failure: r.exited(v.id)}, false
		}
	case <-timeout.C:
		r.kill()
		return answer{failure: &FunctionError{
			Type:    "Sandbox.Timedout",
			Message: fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", v.id, r.function.timeout().Seconds()),
		}}, false
	case <-ctx.Done():
		r.kill()
		return answer{failure: &FunctionError{Type: "Sandbox.Cancelled", Message: ctx.Err().Error()}}, false
	}
	select {
	case <-polled:
		return a, true
	case <-r.ended:
	case <-timeout.C:
		r.kill()
	}
	return a, false
}

// initTime is how long the process took to its first poll.
func (r *runtime) initTime() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.init
}

// exited is what Lambda makes of a process that has ended without an answer.
func (r *runtime) exited(id string) *FunctionError {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refusal != nil {
		return r.refusal
	}
	return &FunctionError{
		Type:    "Runtime.ExitError",
		Message: fmt.Sprintf("RequestId: %s Error: Runtime exited with error: %s", id, r.cmd.ProcessState),
	}
}

// kill ends the process with SIGKILL and waits until it is gone.
func (r *runtime) kill() {
	r.cmd.Process.Kill() // it fails only when the process has ended
	<-r.ended
}
