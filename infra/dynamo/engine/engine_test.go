package engine_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/postroom/postroom/infra/dynamo/engine"
)

func TestStartAnswers(t *testing.T) {
	t.Parallel()
	if _, err := engine.Start(t).ListTables(t.Context(), &dynamodb.ListTablesInput{}); err != nil {
		t.Fatal(err)
	}
}

func TestRunEndsWithClose(t *testing.T) {
	t.Parallel()
	path, err := engine.Binary()
	if err != nil {
		t.Skip(err)
	}
	e, err := engine.Run(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Client(e.Endpoint).ListTables(t.Context(), &dynamodb.ListTablesInput{}); err != nil {
		t.Error(err)
	}
	e.Close()
	e.Close()
	if c, err := net.DialTimeout("tcp", strings.TrimPrefix(e.Endpoint, "http://"), time.Second); err == nil {
		_ = c.Close()
		t.Error("it accepts connections after Close")
	}
}

func TestRunTellsWhatFailed(t *testing.T) {
	t.Parallel()
	for _, path := range []string{t.TempDir() + "/nothing", "/bin/false"} {
		if _, err := engine.Run(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v, want an error that names %s", err, path)
		}
	}
}
