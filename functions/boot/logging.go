package boot

import (
	"context"
	"io"
	"log/slog"
	"sync"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Logger writes JSON lines that say which function wrote them, and within an invocation which one: CloudWatch finds
// all lines of an invocation by its "request". What is logged names mailboxes, and never a customer's address, a subject
// or a secret.
func Logger(w io.Writer, function string, level slog.Leveler) *slog.Logger {
	h := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})
	return slog.New(invocationHandler{h}).With("function", function)
}

// invocationHandler adds the id of the invocation that the context belongs to.
type invocationHandler struct{ slog.Handler }

// Handle adds the id and hands on.
func (h invocationHandler) Handle(ctx context.Context, r slog.Record) error {
	if of, ok := lambdacontext.FromContext(ctx); ok {
		r.AddAttrs(slog.String("request", of.AwsRequestID))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the id.
func (h invocationHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return invocationHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the id, which then is in the group.
func (h invocationHandler) WithGroup(name string) slog.Handler {
	return invocationHandler{h.Handler.WithGroup(name)}
}

// Lines serialises writers of whole lines, so that log lines and metrics that are written at once do not mix.
type Lines struct {
	mu sync.Mutex
	w  io.Writer
}

// NewLines writes to w, which is os.Stdout outside of tests.
func NewLines(w io.Writer) *Lines { return &Lines{w: w} }

// Write writes one line.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
