// Command played is a function that does as its event says, to try the Runtime API with.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type order struct {
	Do   string `json:"do"`
	Name string `json:"name"`
}

func main() {
	if os.Getenv("PLAYED_INIT") == "exit" {
		fmt.Fprintln(os.Stderr, "PLAYED_INIT says so")
		os.Exit(7)
	}
	calls := 0
	lambda.Start(func(ctx context.Context, event json.RawMessage) (any, error) {
		calls++
		var o order
		if err := json.Unmarshal(event, &o); err != nil {
			return nil, err
		}
		if always := os.Getenv("PLAYED_ALWAYS"); always != "" {
			o.Do = always
		}
		fmt.Println("told to", o.Do)
		switch o.Do {
		case "error":
			return nil, errors.New("as ordered")
		case "panic":
			panic("as ordered")
		case "exit":
			os.Exit(3)
		case "hang":
			select {}
		case "deadline":
			deadline, _ := ctx.Deadline()
			<-ctx.Done()
			return time.Since(deadline) < time.Second, nil
		case "environment":
			call, _ := lambdacontext.FromContext(ctx)
			return map[string]any{"value": os.Getenv(o.Name), "all": len(os.Environ()), "request": call.AwsRequestID, "arn": call.InvokedFunctionArn}, nil
		case "answer":
			return json.RawMessage(o.Name), nil
		case "":
			return event, nil
		}
		return calls, nil
	})
}
