// Package local runs the functions' real binaries on this machine and plays the parts of AWS around them, for tests and
// benchmarks: the Runtime API that a binary polls ([Function]), an HTTP API in front of one ([Front]), an event source
// mapping from SQS ([Mapping]) and EventBridge Scheduler ([ScheduledEvent]). Everything listens on the loopback interface
// and the processes get made-up credentials and an environment of their own, so nothing of it can reach AWS.
//
// What it does is AWS's documented behaviour: "Using the Lambda runtime API for custom runtimes", "Create AWS Lambda proxy
// integrations for HTTP APIs", "Using Lambda with Amazon SQS" and "Handling errors for an SQS event source in Lambda".
// It has no permissions: what a role may not do, only the templates' tests can tell.
package local
