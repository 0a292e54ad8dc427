package gmailsim

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"strings"
)

// decodeMessage reads the message of a send, insert or import: JSON with raw, or an upload.
func (c *call) decodeMessage() (wireMessage, error) {
	var in wireMessage
	raw, rest, err := c.upload()
	if err != nil {
		return in, err
	}
	c.body = rest
	if err := c.decode(&in); err != nil {
		return in, err
	}
	if raw != nil {
		in.Raw = raw
	}
	return in, checkRaw(in.Raw)
}

// decodeDraft is decodeMessage for a draft around a message.
func (c *call) decodeDraft() (wireDraft, error) {
	var in wireDraft
	raw, rest, err := c.upload()
	if err != nil {
		return in, err
	}
	c.body = rest
	if err := c.decode(&in); err != nil {
		return in, err
	}
	if in.Message == nil {
		in.Message = &wireMessage{}
	}
	if raw != nil {
		in.Message.Raw = raw
	}
	return in, nil
}

func checkRaw(raw []byte) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return invalid("'raw' RFC822 payload message string or uploading message via /upload/* URL required")
	}
	return nil
}

// upload takes the mail out of an upload request; raw is nil and rest the whole body for any other.
func (c *call) upload() (raw, rest []byte, err error) {
	if !strings.HasPrefix(c.r.URL.Path, "/upload/") {
		return nil, c.body, nil
	}
	switch kind := c.query.Get("uploadType"); kind {
	case "media":
		return c.body, nil, nil
	case "multipart":
	default:
		return nil, nil, invalid("Unsupported uploadType %q: media and multipart are simulated", kind)
	}
	_, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil {
		return nil, nil, invalid("Malformed multipart body: %s", err)
	}
	parts := multipart.NewReader(bytes.NewReader(c.body), params["boundary"])
	for _, into := range []*[]byte{&rest, &raw} {
		p, err := parts.NextRawPart()
		if err == nil {
			*into, err = io.ReadAll(p)
		}
		if err != nil {
			return nil, nil, invalid("Malformed multipart body: %s", err)
		}
	}
	if !json.Valid(rest) {
		return nil, nil, invalid("Malformed multipart body: the first part is not JSON")
	}
	return raw, rest, nil
}
