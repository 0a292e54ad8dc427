package googlesim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strings"
)

// Segments splits an escaped path without its leading slash; ok is false where a segment is empty or wrongly escaped.
func Segments(path string) (segments []string, ok bool) {
	segments = strings.Split(path, "/")
	for i, s := range segments {
		var err error
		if segments[i], err = url.PathUnescape(s); err != nil || s == "" {
			return nil, false
		}
	}
	return segments, true
}

// Match holds segments against a pattern, of which those in braces are variables, and gives what each of them is.
func Match(pattern, segments []string) (vars map[string]string, ok bool) {
	if len(pattern) != len(segments) {
		return nil, false
	}
	vars = map[string]string{}
	for i, p := range pattern {
		if name, is := strings.CutPrefix(p, "{"); is {
			vars[strings.TrimSuffix(name, "}")] = segments[i]
		} else if p != segments[i] {
			return nil, false
		}
	}
	return vars, true
}

// Decode reads a JSON body strictly, as Google does. What is wrong with it is the message of the answer, "" if nothing is.
func Decode(body []byte, into any) (message string) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return "Invalid JSON payload received. Unknown name " + name + ": Cannot find field."
		}
		return "Invalid JSON payload received. " + err.Error()
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return "Invalid JSON payload received. Unexpected token after the end."
	}
	return ""
}
