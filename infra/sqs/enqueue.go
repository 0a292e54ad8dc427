package sqs

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"

	"github.com/postroom/postroom/core/pipeline"
)

const (
	batchSize    = 10                     // entries a batch may have ("SendMessageBatch", API reference)
	atOnce       = 8                      // batches under way at once
	batchTries   = 4                      // how often an entry is sent that fails for no fault of ours
	betweenTries = 200 * time.Millisecond // doubled with each try
)

// EnqueueAll is Enqueue for many hints, in batches of ten and several batches at once; it merges none of them. Entries
// that a batch leaves out are tried again, alone. One mailbox's hints may change places. Where some could not be
// enqueued the error is a *[NotEnqueuedError]; the others are durable.
func (q *Queue) EnqueueAll(ctx context.Context, hints []pipeline.Hint) error {
	var failed failures
	var entries []entry
	for i, h := range hints {
		m, err := q.message(h)
		if err != nil {
			failed.add(err, entry{at: i})
			continue
		}
		entries = append(entries, entry{message: m, at: i})
	}
	var group errgroup.Group
	group.SetLimit(atOnce)
	for batch := range slices.Chunk(entries, batchSize) {
		group.Go(func() error {
			err := failed.permanent()
			if err == nil {
				batch, err = q.sendBatch(ctx, batch, &failed)
			}
			failed.add(err, batch...)
			return nil
		})
	}
	group.Wait() // what failed is in failed
	return failed.of(hints)
}

// entry is a message of a batch; at is its hint's place in what EnqueueAll was given.
type entry struct {
	message
	at int
}

// sendBatch sends a batch until SQS has it or refuses the rest. It adds to failed the entries refused for our fault, and
// returns those left over, with why.
func (q *Queue) sendBatch(ctx context.Context, batch []entry, failed *failures) (left []entry, err error) {
	for try := range batchTries {
		if try > 0 {
			if err := q.wait(ctx, betweenTries<<(try-1)); err != nil {
				return batch, err
			}
		}
		in := &sdk.SendMessageBatchInput{QueueUrl: &q.URL}
		for i, e := range batch {
			id := strconv.Itoa(i)
			in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{
				Id: &id, MessageBody: &e.body, MessageGroupId: &e.group, MessageDeduplicationId: &e.id,
			})
		}
		out, sendErr := q.Client.SendMessageBatch(ctx, in)
		if sendErr != nil {
			return batch, q.typed("sqs:SendMessage", sendErr)
		}
		left, err = nil, nil
		sent := map[string]bool{}
		for _, s := range out.Successful {
			sent[value(s.Id)] = true
		}
		refused := map[string]error{}
		for _, f := range out.Failed {
			cause := q.typed("sqs:SendMessage", entryError(f))
			if f.SenderFault {
				refused[value(f.Id)] = cause
			} else {
				err = cause
			}
		}
		for i, e := range batch {
			id := strconv.Itoa(i)
			switch {
			case sent[id]:
			case refused[id] != nil:
				failed.add(refused[id], e)
			default: // failed at their side, or the answer does not speak of it
				left = append(left, e)
			}
		}
		if len(left) == 0 {
			return nil, nil
		}
		if err == nil {
			err = errors.New("the answer names neither success nor failure")
		}
		batch = left
	}
	return left, err
}

// entryError is the failure of one entry of a batch as if it had been the whole request's.
func entryError(f types.BatchResultErrorEntry) error {
	fault := smithy.FaultServer
	if f.SenderFault {
		fault = smithy.FaultClient
	}
	return &smithy.GenericAPIError{Code: value(f.Code), Message: value(f.Message), Fault: fault}
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
