// Command console is the Lambda function that will serve the team's pages and the side panels. Its place in the deployment
// is reserved: it does nothing yet, and says so.
package main

import (
	"context"

	"github.com/postroom/postroom/functions/boot"
)

func main() {
	boot.Start("console", func(_ context.Context, f *boot.Function) (any, error) {
		return f.Reserved, nil
	})
}
