// Command ingest is the Lambda function behind the deployment's HTTP API: it takes Graph's notifications and Gmail's pushes
// and puts hints into the queue. What it does is [boot.Ingest].
package main

import (
	"context"

	"github.com/postroom/postroom/functions/boot"
)

func main() {
	boot.Start("ingest", func(ctx context.Context, f *boot.Function) (any, error) {
		return boot.OpenIngest(ctx, f)
	})
}
