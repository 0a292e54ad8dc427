package graphsim

import (
	"net/http"
	"strconv"
	"time"

	"github.com/postroom/postroom/providers/fault"
)

// response is what a handler answers, on the wire or inside a batch.
type response struct {
	status int
	header http.Header
	body   []byte // JSON unless header says otherwise
}

// apiError is Graph's error body.
type apiError struct {
	Error struct {
		Code       string     `json:"code"`
		Message    string     `json:"message"`
		InnerError innerError `json:"innerError"`
	} `json:"error"`
}

type innerError struct {
	Date            string `json:"date"`
	RequestID       string `json:"request-id"`
	ClientRequestID string `json:"client-request-id"`
}

func (s *Sim) fail(status int, code, message string) response {
	id := guid(familyRequest, s.stats.errorNumber())
	var e apiError
	e.Error.Code, e.Error.Message = code, message
	e.Error.InnerError = innerError{Date: s.now().Format("2006-01-02T15:04:05"), RequestID: id, ClientRequestID: id}
	return response{status: status, header: http.Header{}, body: mustJSON(e)}
}

func (s *Sim) badRequest(message string) response {
	return s.fail(http.StatusBadRequest, "BadRequest", message)
}

func (s *Sim) notFound() response {
	return s.fail(http.StatusNotFound, "ErrorItemNotFound", "The specified object was not found in the store.")
}

func (s *Sim) accessDenied() response {
	return s.fail(http.StatusForbidden, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
}

func (s *Sim) noRoute() response {
	return s.fail(http.StatusNotFound, "ResourceNotFound", "Resource not found for the segment.")
}

func (s *Sim) wrongMethod() response {
	return s.fail(http.StatusMethodNotAllowed, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
}

// notSimulated says that Graph might do this and the simulator does not.
func (s *Sim) notSimulated(what string) response {
	return s.fail(http.StatusNotImplemented, "NotSimulated", "graphsim does not simulate "+what)
}

func (s *Sim) throttled(message string, retryAfter time.Duration) response {
	r := s.fail(http.StatusTooManyRequests, "ApplicationThrottled", message)
	if retryAfter > 0 {
		r.header.Set("Retry-After", strconv.Itoa(fault.RetryAfterSeconds(retryAfter)))
	}
	return r
}

// refused is the answer to a fault of the dial.
func (s *Sim) refused(status int, retryAfter time.Duration) response {
	if status == http.StatusTooManyRequests {
		return s.throttled("Application is over its request limit.", retryAfter)
	}
	r := s.fail(status, "serviceNotAvailable", "The service is temporarily unavailable.")
	if retryAfter > 0 {
		r.header.Set("Retry-After", strconv.Itoa(fault.RetryAfterSeconds(retryAfter)))
	}
	return r
}

func ok(body []byte) response {
	return response{status: http.StatusOK, header: http.Header{}, body: body}
}

func created(body []byte) response {
	return response{status: http.StatusCreated, header: http.Header{}, body: body}
}

func empty(status int) response { return response{status: status, header: http.Header{}} }
