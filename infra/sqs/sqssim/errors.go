package sqssim

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// apiError is an error of the service. Code is the one of the query protocol, which SDKs take from the header
// x-amzn-query-error; Type is the shape's name in the JSON.
type apiError struct {
	Code    string
	Type    string
	Status  int
	Message string
	Server  bool // the service's fault, not the sender's
}

func (e *apiError) Error() string { return fmt.Sprintf("sqssim: %s: %s", e.Code, e.Message) }

func invalid(format string, a ...any) error {
	return &apiError{Code: "InvalidParameterValue", Type: "InvalidParameterValueException", Status: 400, Message: fmt.Sprintf(format, a...)}
}

func invalidAttribute(message string) error {
	return &apiError{Code: "InvalidAttributeValue", Type: "InvalidAttributeValue", Status: 400, Message: message}
}

func missing(parameter string) error {
	return &apiError{Code: "MissingParameter", Type: "MissingRequiredParameterException", Status: 400, Message: "The request must contain the parameter " + parameter + "."}
}

func notSimulated(what string) error {
	return &apiError{Code: "NotSimulated", Type: "NotSimulated", Status: 501, Message: what + " is not simulated"}
}

func batchError(name, message string) error {
	return &apiError{Code: "AWS.SimpleQueueService." + name, Type: name, Status: 400, Message: message}
}

var (
	errThrottled   = &apiError{Code: "RequestThrottled", Type: "RequestThrottled", Status: 403, Message: "Request is throttled."}
	errUnavailable = &apiError{Code: "ServiceUnavailable", Type: "ServiceUnavailable", Status: 503, Message: "The service is not available.", Server: true}
)

// refusal is the error of an action that Refuse was told of.
func refusal(action, code string) error {
	return &apiError{Code: code, Type: code, Status: 403, Message: "User: arn:aws:sts::" + Account + ":assumed-role/function is not authorized to perform: sqs:" + action}
}

func writeError(w http.ResponseWriter, e *apiError) {
	fault := "Sender"
	if e.Server {
		fault = "Receiver"
	}
	w.Header().Set("x-amzn-query-error", e.Code+";"+fault)
	namespace := "com.amazonaws.sqs#"
	if e.Type == "InvalidParameterValueException" || e.Type == "MissingRequiredParameterException" {
		namespace = "com.amazon.coral.service#"
	}
	writeJSON(w, e.Status, map[string]string{"__type": namespace + e.Type, "message": e.Message})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // a caller that has gone need not be told
}
