package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postroom/postroom/functions/local"
)

func played(t *testing.T, f *local.Function) *local.Function {
	t.Helper()
	f.Name, f.Binary = "PlayedFunction", binary(t, "played")
	t.Cleanup(f.Close)
	return f
}

func TestInvoke(t *testing.T) {
	t.Parallel()
	f := played(t, &local.Function{})
	first, err := f.Invoke(t.Context(), []byte(`{"do":"count"}`))
	if err != nil {
		t.Fatal(err)
	}
	second, err := f.Invoke(t.Context(), map[string]string{"do": "count"})
	if err != nil {
		t.Fatal(err)
	}
	if string(first.Payload) != "1" || string(second.Payload) != "2" {
		t.Errorf("a warm process counts %s and %s, want 1 and 2", first.Payload, second.Payload)
	}
	if first.Init <= 0 || second.Init != 0 || len(f.Inits()) != 1 {
		t.Errorf("init took %s and %s, and there were %d", first.Init, second.Init, len(f.Inits()))
	}
	if f.Log.Lines("told to count") == nil {
		t.Errorf("the log is %q", f.Log.String())
	}
	if u := f.Usage(); len(u) != 1 || u[0].Peak <= 0 {
		t.Errorf("usage is %v", u)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("POSTROOM_OF_THE_TESTER", "must not be handed on")
	f := played(t, &local.Function{Env: map[string]string{"POSTROOM_TABLE": "table-1"}, Memory: 256})
	for name, want := range map[string]string{
		"POSTROOM_TABLE": "table-1", "POSTROOM_OF_THE_TESTER": "", "AWS_LAMBDA_FUNCTION_NAME": "PlayedFunction", "AWS_REGION": local.Region,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "_X_AMZN_TRACE_ID": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0",
	} {
		got, err := f.Invoke(t.Context(), map[string]string{"do": "environment", "name": name})
		if err != nil {
			t.Fatal(err)
		}
		var a struct{ Value, Request, ARN string }
		if err := json.Unmarshal(got.Payload, &a); err != nil {
			t.Fatal(err)
		}
		if a.Value != want || len(a.Request) != 36 || a.ARN != "arn:aws:lambda:us-east-1:123456789012:function:PlayedFunction" {
			t.Errorf("%s is %q, want %q (request %q of %s)", name, a.Value, want, a.Request, a.ARN)
		}
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	tests := []struct {
		do, kind, message string
		survives          bool // the process takes the next event
	}{
		{"error", "errorString", "as ordered", true},
		{"panic", "string", "as ordered", false},
		{"exit", "Runtime.ExitError", "exit status 3", false},
		{"hang", "Sandbox.Timedout", "Task timed out after 0.50 seconds", false},
	}
	for _, tt := range tests {
		t.Run(tt.do, func(t *testing.T) {
			t.Parallel()
			f := played(t, &local.Function{Timeout: 500 * time.Millisecond})
			if _, err := f.Invoke(t.Context(), []byte(`{"do":"count"}`)); err != nil {
				t.Fatal(err)
			}
			_, err := f.Invoke(t.Context(), map[string]string{"do": tt.do})
			failed := (*local.FunctionError)(nil)
			if !errors.As(err, &failed) || failed.Type != tt.kind || !strings.Contains(failed.Message, tt.message) {
				t.Fatalf("it failed with %v, want %s: %s", err, tt.kind, tt.message)
			}
			after, err := f.Invoke(t.Context(), []byte(`{"do":"count"}`))
			if err != nil {
				t.Fatal(err)
			}
			if survived := string(after.Payload) == "3"; survived != tt.survives || (after.Init == 0) != tt.survives {
				t.Errorf("afterwards it counts %s after an init of %s", after.Payload, after.Init)
			}
		})
	}
}

func TestDeadlineIsTold(t *testing.T) {
	t.Parallel()
	f := played(t, &local.Function{Timeout: time.Second})
	got, err := f.Invoke(t.Context(), []byte(`{"do":"deadline"}`))
	if failed := (*local.FunctionError)(nil); errors.As(err, &failed) && failed.Type == "Sandbox.Timedout" {
		return // Lambda's clock was a moment earlier than the process's
	}
	if err != nil || string(got.Payload) != "true" {
		t.Errorf("the context ended with %s %v", got.Payload, err)
	}
}

func TestInitFailure(t *testing.T) {
	t.Parallel()
	f := played(t, &local.Function{Env: map[string]string{"PLAYED_INIT": "exit"}})
	_, err := f.Invoke(t.Context(), []byte(`{}`))
	failed := (*local.FunctionError)(nil)
	if !errors.As(err, &failed) || failed.Type != "Runtime.ExitError" || !strings.Contains(failed.Message, "exit status 7") {
		t.Errorf("init failed with %v", err)
	}
	if f.Log.Lines("PLAYED_INIT says so") == nil {
		t.Errorf("the log is %q", f.Log.String())
	}
}

func TestKill(t *testing.T) {
	t.Parallel()
	f := played(t, &local.Function{Timeout: time.Minute})
	done := make(chan error, 1)
	go func() {
		_, err := f.Invoke(context.WithoutCancel(t.Context()), []byte(`{"do":"hang"}`))
		done <- err
	}()
	for f.Log.Lines("told to hang") == nil {
		<-time.After(time.Millisecond) // the process is on its way
	}
	if n := f.Kill(); n != 1 {
		t.Errorf("%d processes killed", n)
	}
	failed := (*local.FunctionError)(nil)
	if err := <-done; !errors.As(err, &failed) || failed.Type != "Runtime.ExitError" || !strings.Contains(failed.Message, "killed") {
		t.Errorf("killed, it failed with %v", err)
	}
}

// TestConcurrency holds as many events at once as there are places, and no more.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	f := played(t, &local.Function{Concurrency: 3})
	var group sync.WaitGroup
	for range 12 {
		group.Go(func() {
			if _, err := f.Invoke(t.Context(), []byte(`{"do":"count"}`)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := len(f.Inits()); n < 1 || n > 3 {
		t.Errorf("%d processes were started for three places", n)
	}
	if n := f.Invocations(); n != 12 {
		t.Errorf("%d invocations counted", n)
	}
}
