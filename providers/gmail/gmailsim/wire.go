package gmailsim

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strconv"
)

// id64 is a uint64 or int64 as Google's JSON has it: written as a string, read as string or number.
type id64 uint64

func (i id64) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 22), '"')
	return append(strconv.AppendUint(b, uint64(i), 10), '"'), nil
}

func (i *id64) UnmarshalJSON(b []byte) error {
	n, err := strconv.ParseUint(string(bytes.Trim(b, `"`)), 10, 64)
	if err != nil {
		return errors.New("not a 64-bit number")
	}
	*i = id64(n)
	return nil
}

// bytes64 is a bytes field: base64url with padding when written, any base64 when read.
type bytes64 []byte

func (v bytes64) MarshalJSON() ([]byte, error) {
	out := make([]byte, base64.URLEncoding.EncodedLen(len(v))+2)
	out[0], out[len(out)-1] = '"', '"'
	base64.URLEncoding.Encode(out[1:], v)
	return out, nil
}

func (v *bytes64) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	if len(b) < 2 || b[0] != '"' {
		return errors.New("Base64 decoding failed")
	}
	b = bytes.TrimRight(b[1:len(b)-1], "=")
	in := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '+':
			in = append(in, '-')
		case c == '/':
			in = append(in, '_')
		case c == '\\' && i+1 < len(b) && b[i+1] == '/': // "\/" is JSON for a slash
			in = append(in, '_')
			i++
		case c == '\\' && i+5 < len(b) && string(b[i:i+6]) == `\u003d`:
			i += 5
		default:
			in = append(in, c)
		}
	}
	out := make([]byte, base64.RawURLEncoding.DecodedLen(len(in)))
	n, err := base64.RawURLEncoding.Decode(out, in)
	if err != nil {
		return errors.New("Base64 decoding failed")
	}
	*v = out[:n]
	return nil
}

type wireMessage struct {
	ID           string    `json:"id,omitempty"`
	ThreadID     string    `json:"threadId,omitempty"`
	LabelIDs     []string  `json:"labelIds,omitempty"`
	Snippet      string    `json:"snippet,omitempty"`
	HistoryID    id64      `json:"historyId,omitempty"`
	InternalDate id64      `json:"internalDate,omitempty"`
	Payload      *wirePart `json:"payload,omitempty"`
	SizeEstimate int       `json:"sizeEstimate,omitempty"`
	Raw          bytes64   `json:"raw,omitempty"`
}

type wirePart struct {
	PartID   string       `json:"partId"`
	MimeType string       `json:"mimeType,omitempty"`
	Filename string       `json:"filename"`
	Headers  []wireHeader `json:"headers,omitempty"`
	Body     *wireBody    `json:"body,omitempty"`
	Parts    []*wirePart  `json:"parts,omitempty"`
}

type wireHeader struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type wireBody struct {
	AttachmentID string  `json:"attachmentId,omitempty"`
	Size         int     `json:"size"`
	Data         bytes64 `json:"data,omitempty"`
}

type wireMessages struct {
	Messages           []wireMessage `json:"messages,omitempty"`
	NextPageToken      string        `json:"nextPageToken,omitempty"`
	ResultSizeEstimate int           `json:"resultSizeEstimate"`
}

type wireThread struct {
	ID        string        `json:"id,omitempty"`
	Snippet   string        `json:"snippet,omitempty"`
	HistoryID id64          `json:"historyId,omitempty"`
	Messages  []wireMessage `json:"messages,omitempty"`
}

type wireThreads struct {
	Threads            []wireThread `json:"threads,omitempty"`
	NextPageToken      string       `json:"nextPageToken,omitempty"`
	ResultSizeEstimate int          `json:"resultSizeEstimate"`
}

type wireModify struct {
	AddLabelIDs    []string `json:"addLabelIds,omitempty"`
	RemoveLabelIDs []string `json:"removeLabelIds,omitempty"`
}

type wireBatchModify struct {
	IDs            []string `json:"ids,omitempty"`
	AddLabelIDs    []string `json:"addLabelIds,omitempty"`
	RemoveLabelIDs []string `json:"removeLabelIds,omitempty"`
}

type wireHistory struct {
	ID              id64                  `json:"id"`
	Messages        []wireMessage         `json:"messages,omitempty"`
	MessagesAdded   []wireHistoryMessage  `json:"messagesAdded,omitempty"`
	MessagesDeleted []wireHistoryMessage  `json:"messagesDeleted,omitempty"`
	LabelsAdded     []wireHistoryLabelled `json:"labelsAdded,omitempty"`
	LabelsRemoved   []wireHistoryLabelled `json:"labelsRemoved,omitempty"`
}

type wireHistoryMessage struct {
	Message wireMessage `json:"message"`
}

type wireHistoryLabelled struct {
	Message  wireMessage `json:"message"`
	LabelIDs []string    `json:"labelIds"`
}

type wireHistoryList struct {
	History       []wireHistory `json:"history,omitempty"`
	NextPageToken string        `json:"nextPageToken,omitempty"`
	HistoryID     id64          `json:"historyId"`
}

type wireLabel struct {
	ID                    string     `json:"id,omitempty"`
	Name                  string     `json:"name,omitempty"`
	Type                  string     `json:"type,omitempty"`
	MessageListVisibility string     `json:"messageListVisibility,omitempty"`
	LabelListVisibility   string     `json:"labelListVisibility,omitempty"`
	Color                 *wireColor `json:"color,omitempty"`
	MessagesTotal         *int       `json:"messagesTotal,omitempty"`
	MessagesUnread        *int       `json:"messagesUnread,omitempty"`
	ThreadsTotal          *int       `json:"threadsTotal,omitempty"`
	ThreadsUnread         *int       `json:"threadsUnread,omitempty"`
}

type wireColor struct {
	TextColor       string `json:"textColor,omitempty"`
	BackgroundColor string `json:"backgroundColor,omitempty"`
}

type wireLabels struct {
	Labels []wireLabel `json:"labels,omitempty"`
}

type wireDraft struct {
	ID      string       `json:"id,omitempty"`
	Message *wireMessage `json:"message,omitempty"`
}

type wireDrafts struct {
	Drafts             []wireDraft `json:"drafts,omitempty"`
	NextPageToken      string      `json:"nextPageToken,omitempty"`
	ResultSizeEstimate int         `json:"resultSizeEstimate"`
}

type wireProfile struct {
	EmailAddress  string `json:"emailAddress"`
	MessagesTotal int    `json:"messagesTotal"`
	ThreadsTotal  int    `json:"threadsTotal"`
	HistoryID     id64   `json:"historyId"`
}

type wireWatch struct {
	TopicName           string   `json:"topicName,omitempty"`
	LabelIDs            []string `json:"labelIds,omitempty"`
	LabelFilterBehavior string   `json:"labelFilterBehavior,omitempty"`
	LabelFilterAction   string   `json:"labelFilterAction,omitempty"`
}

type wireWatched struct {
	HistoryID  id64 `json:"historyId"`
	Expiration id64 `json:"expiration"`
}
