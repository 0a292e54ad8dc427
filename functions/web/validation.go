package web

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxValidationToken bounds the token in bytes after decoding. Graph's own are below 300.
const maxValidationToken = 4096

// validationToken takes Graph's validationToken out of a raw query. It is decoded exactly once: '+' and %20 are a space
// and %2520 is the text "%20". asked is false when the request is no handshake. A token is refused when it is empty,
// doubled, over-long or no UTF-8, or when it holds '<', which no token of Graph's does and which a browser might
// take for markup.
func validationToken(rawQuery string) (token string, asked bool, err error) {
	if rawQuery == "" {
		return "", false, nil
	}
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		// What could not be decoded may be the token. The error quotes the query, so it goes no further.
		return "", true, errors.New("the query cannot be decoded")
	}
	tokens, asked := query["validationToken"]
	if !asked {
		return "", false, nil
	}
	switch token = tokens[0]; {
	case len(tokens) > 1:
		return "", true, errors.New("more than one validation token")
	case token == "":
		return "", true, errors.New("an empty validation token")
	case len(token) > maxValidationToken:
		return "", true, errors.New("a validation token that is too long")
	case strings.ContainsRune(token, '<'):
		return "", true, errors.New("a validation token with markup")
	case !utf8.ValidString(token):
		return "", true, errors.New("a validation token that is not UTF-8")
	}
	return token, true, nil
}

// answerValidation proves to Graph that the endpoint is ours: 200, plain text, the token and nothing else
// ("Receive change notifications through webhooks", section on endpoint validation).
func answerValidation(w http.ResponseWriter, token string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	io.WriteString(w, token)
}
