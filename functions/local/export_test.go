package local

import (
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Event is what the function gets for a request.
func (f *Front) Event(r *http.Request, body []byte) any {
	if f.REST {
		return f.version1(r, body)
	}
	return f.version2(r, body)
}

// Answer is what the caller gets for what came of an invocation.
func (f *Front) Answer(w http.ResponseWriter, payload []byte, err error) { f.finish(w, payload, err) }

// Event is what the function gets for messages.
func (m *Mapping) Event(messages []types.Message) any { return m.event(messages) }

// Failures is [Mapping]'s reading of what a function answered.
var Failures = failures
