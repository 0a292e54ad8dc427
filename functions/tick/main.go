// Command tick is the Lambda function that runs each minute: it sweeps mailboxes, renews watches and takes up what is new in
// the manifest. What it does is [boot.Tick]; the event that invokes it says nothing more than that the minute has come.
package main

import (
	"context"

	"github.com/postroom/postroom/functions/boot"
)

func main() {
	boot.Start("tick", func(ctx context.Context, f *boot.Function) (any, error) {
		t, err := boot.OpenTick(ctx, f)
		if err != nil {
			return nil, err
		}
		return t.Handle, nil
	})
}
