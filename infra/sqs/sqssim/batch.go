package sqssim

import (
	"errors"
	"regexp"
)

type batchEntryID struct {
	ID string `json:"Id"`
}

type batchResponse struct {
	Successful []any
	Failed     []batchFailure
}

type batchFailure struct {
	ID          string `json:"Id"`
	Code        string
	Message     string
	SenderFault bool
}

var entryID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// batch does a batch's entries in order, each by itself.
func batch[E any](entries []E, id func(E) string, do func(E) (any, error)) (*batchResponse, error) {
	if len(entries) == 0 {
		return nil, batchError("EmptyBatchRequest", "There should be at least one entry in the request.")
	}
	if len(entries) > 10 {
		return nil, batchError("TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10.")
	}
	seen := map[string]bool{}
	for _, e := range entries {
		if !entryID.MatchString(id(e)) {
			return nil, batchError("InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if seen[id(e)] {
			return nil, batchError("BatchEntryIdsNotDistinct", "Id "+id(e)+" repeated.")
		}
		seen[id(e)] = true
	}
	var out batchResponse
	for _, e := range entries {
		result, err := do(e)
		if err == nil {
			out.Successful = append(out.Successful, result)
			continue
		}
		var a *apiError
		if !errors.As(err, &a) {
			return nil, err
		}
		out.Failed = append(out.Failed, batchFailure{ID: id(e), Code: a.Code, Message: a.Message, SenderFault: !a.Server})
	}
	return &out, nil
}
