// Command sync is the Lambda function behind the queue: it brings the mailboxes up to date that the hints of an event are
// about, and reports which hints are to come again. What it does is [boot.Syncer].
package main

import (
	"context"

	"github.com/postroom/postroom/functions/boot"
)

func main() {
	boot.Start("sync", func(ctx context.Context, f *boot.Function) (any, error) {
		s, err := boot.OpenSync(ctx, f)
		if err != nil {
			return nil, err
		}
		return s.Handle, nil
	})
}
