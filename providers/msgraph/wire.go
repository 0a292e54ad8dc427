package msgraph

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// wireBody is as much of any answer as this package reads: an entity, a collection, a delta page or an error. One type
// for all lets a $batch of different requests be decoded in one pass.
type wireBody struct {
	wireItem
	Value     []wireItem `json:"value"`
	NextLink  string     `json:"@odata.nextLink"`
	DeltaLink string     `json:"@odata.deltaLink"`
	Error     *wireError `json:"error"`
}

type wireError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// wireItem is a message, a folder or a category. Pointers and nil slices tell what was not sent from what is empty:
// a delta may send only what changed.
type wireItem struct {
	ID      string       `json:"id"`
	ETag    string       `json:"@odata.etag"`
	Removed *wireRemoved `json:"@removed"`

	DisplayName string `json:"displayName"` // folder, category
	Color       string `json:"color"`       // category
	UserPurpose string `json:"userPurpose"` // mailbox settings

	TotalItemCount int `json:"totalItemCount"` // folder

	ConversationID string             `json:"conversationId"`
	RFCID          string             `json:"internetMessageId"`
	Headers        []wireRFCField     `json:"internetMessageHeaders"`
	From           *wireRecipient     `json:"from"`
	Sender         *wireRecipient     `json:"sender"`
	To             []wireRecipient    `json:"toRecipients"`
	Cc             []wireRecipient    `json:"ccRecipients"`
	Subject        *string            `json:"subject"`
	Received       string             `json:"receivedDateTime"`
	Created        string             `json:"createdDateTime"`
	Sent           string             `json:"sentDateTime"`
	Modified       string             `json:"lastModifiedDateTime"`
	Categories     []string           `json:"categories"`
	ParentFolder   string             `json:"parentFolderId"`
	IsDraft        *bool              `json:"isDraft"`
	IsRead         *bool              `json:"isRead"`
	HasAttachments *bool              `json:"hasAttachments"`
	Body           *wireText          `json:"body"`
	Attachments    []wireAttachment   `json:"attachments"`
	Extended       []wireExtendedProp `json:"singleValueExtendedProperties"`
}

type wireRemoved struct {
	Reason string `json:"reason"`
}

type wireRFCField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type wireRecipient struct {
	Email struct {
		Name    string `json:"name"`
		Address string `json:"address"`
	} `json:"emailAddress"`
}

type wireText struct {
	Type    string `json:"contentType"`
	Content string `json:"content"`
}

type wireAttachment struct {
	Name string `json:"name"`
	Type string `json:"contentType"`
	Size int64  `json:"size"`
}

type wireExtendedProp struct {
	ID    string `json:"id"`
	Value string `json:"value"`
}

// inner is the answer to one request of a $batch.
type inner struct {
	status int
	after  string
	date   string // that of the round
	body   wireBody
}

// refusal is nil when the request succeeded.
func (i *inner) refusal() *apiError { return i.body.refusal(i.status, i.after) }

// errNoAnswer stands for a request of a $batch that the answer passes over.
var errNoAnswer = errors.New("the batch came back without an answer to this request")

// decodeBody reads one JSON answer. A value of another type than documented is left out as if it had not been sent;
// text that is no JSON is an error.
func decodeBody(data []byte) (wireBody, error) {
	var b wireBody
	if err := tolerate(json.Unmarshal(data, &b)); err != nil {
		return wireBody{}, fmt.Errorf("read the answer: %w", err)
	}
	return b, nil
}

// decodeBatch reads the answer to a $batch of n requests whose ids are their places, 0 to n-1. A request without an
// answer has status 0.
func decodeBatch(data []byte, n int) ([]inner, error) {
	var wire struct {
		Responses []struct {
			ID      string            `json:"id"`
			Status  int               `json:"status"`
			Headers map[string]string `json:"headers"`
			Body    wireBody          `json:"body"`
		} `json:"responses"`
	}
	if err := tolerate(json.Unmarshal(data, &wire)); err != nil {
		return nil, fmt.Errorf("read the batch's answer: %w", err)
	}
	out := make([]inner, n)
	for i := range wire.Responses {
		r := &wire.Responses[i]
		at, err := strconv.Atoi(r.ID)
		if err != nil || at < 0 || at >= n {
			continue
		}
		out[at] = inner{status: r.Status, body: r.Body}
		for name, value := range r.Headers {
			if strings.EqualFold(name, "Retry-After") {
				out[at].after = value
			}
		}
	}
	return out, nil
}

// tolerate drops the error about values of unexpected type: encoding/json has decoded all the others.
func tolerate(err error) error {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return nil
	}
	return err
}
