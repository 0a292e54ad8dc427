// Command provision is the Lambda function that administers the tenants: once a day it looks for drift from the manifest, on
// request it plans and applies, and it answers for mailboxes that CloudFormation resources declare. What it does is
// [boot.Provisioner].
package main

import (
	"context"

	"github.com/postroom/postroom/functions/boot"
)

func main() {
	boot.Start("provision", func(ctx context.Context, f *boot.Function) (any, error) {
		p, err := boot.OpenProvision(ctx, f)
		if err != nil {
			return nil, err
		}
		return p.Handle, nil
	})
}
