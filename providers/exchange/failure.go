package exchange

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// maxSaid bounds in bytes what is kept of an error message of Exchange.
const maxSaid = 600

// Failure is Exchange's refusal of one command.
type Failure struct {
	Cmdlet  string
	Status  int    // of HTTP; 0 where a script has met the error
	Type    string // of the exception, such as "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException"; may be empty
	Message string
}

func (f *Failure) Error() string {
	what := f.Message
	if what == "" {
		what = fmt.Sprintf("HTTP %d without a reason", f.Status)
	}
	s := fmt.Sprintf("Exchange refuses %s: %s", f.Cmdlet, what)
	switch {
	case f.has("AmbiguousParameterSet"):
		s += "; it does not take a parameter of the command, or the role of the app does not (see the role's management role entries)"
	case f.has("write scope"):
		s += "; let the write scope of the app's role group take the mailbox in"
	case f.unknownCmdlet():
		s += "; no role of the app has this cmdlet"
	}
	return s
}

// has reports whether the exception's type or message contains one of the parts, in any case.
func (f *Failure) has(parts ...string) bool {
	said := strings.ToLower(f.Type + "|" + f.Message)
	for _, p := range parts {
		if strings.Contains(said, strings.ToLower(p)) {
			return true
		}
	}
	return false
}

// notFound: what the command names is not there, or not yet.
func (f *Failure) notFound() bool {
	return f.has("ManagementObjectNotFoundException", "couldn't be found", "couldn't find object", "wasn't found", "not found")
}

func (f *Failure) unknownCmdlet() bool {
	return f.has("CommandNotFound", "is not recognized as the name of a cmdlet", "is not recognized as a name of a cmdlet")
}

// errorBody is what the endpoint answers in place of rows. Its message is always "Invalid Operation"; the reason is deeper.
type errorBody struct {
	Error struct {
		Code       string `json:"code"`
		Message    string `json:"message"`
		InnerError struct {
			Message   string `json:"message"`
			Exception struct {
				Message string `json:"message"`
				Type    string `json:"type"`
			} `json:"internalexception"`
		} `json:"innererror"`
		Details []struct {
			Message string `json:"message"`
		} `json:"details"`
	} `json:"error"`
}

// typed finds the exception's type that some messages carry: "|Microsoft.Exchange…Exception|The text", at times behind an
// error id ("Ex6F9304|…").
var typed = regexp.MustCompile(`^\w*\|([\w.+]+)\|`)

// newFailure reads the body of a refusal. It may be anything: rows of NUL bytes have been met.
func newFailure(cmdlet string, status int, body []byte) *Failure {
	f := &Failure{Cmdlet: cmdlet, Status: status}
	var b errorBody
	if json.Unmarshal(body, &b) != nil {
		return f
	}
	f.Type = clean(b.Error.InnerError.Exception.Type)
	said := []string{b.Error.InnerError.Exception.Message}
	for _, d := range b.Error.Details {
		said = append(said, d.Message)
	}
	for _, s := range append(said, b.Error.InnerError.Message, b.Error.Message, b.Error.Code) {
		kind, text := split(s)
		if f.Type == "" {
			f.Type = kind
		}
		if text != "" {
			f.Message = text
			break
		}
	}
	return f
}

// split takes the exception's type from the front of a message.
func split(message string) (kind, text string) {
	text = clean(message)
	if m := typed.FindStringSubmatch(text); m != nil {
		return m[1], strings.TrimSpace(text[len(m[0]):])
	}
	return "", text
}

// clean makes one line of what Exchange says, without control characters and of bounded length.
func clean(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "�"), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if len(s) > maxSaid {
		s = strings.ToValidUTF8(s[:maxSaid], "") + "…"
	}
	return s
}
