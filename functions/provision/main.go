// Command provision is the Lambda function that will bring mailboxes, members and permissions at the vendors in line with
// the manifest. Its place in the deployment is reserved: it does nothing yet, and says so.
package main

import (
	"context"

	"github.com/postroom/postroom/functions/boot"
)

func main() {
	boot.Start("provision", func(_ context.Context, f *boot.Function) (any, error) {
		return f.Reserved, nil
	})
}
