package graphsim_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

func BenchmarkReceive(b *testing.B) {
	sim := &graphsim.Sim{Now: func() time.Time { return noon }}
	if err := sim.AddMailbox(graphsim.Mailbox{Address: support}); err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		n++
		if _, err := sim.Receive(support, email(n, "a@customer.test", fmt.Sprint("subject ", n))); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDelta reads a page of ten out of a folder of 100,000 mails.
func BenchmarkDelta(b *testing.B) {
	sim := &graphsim.Sim{Now: func() time.Time { return noon }}
	if err := sim.AddMailbox(graphsim.Mailbox{Address: support}); err != nil {
		b.Fatal(err)
	}
	for i := range 100_000 {
		if _, err := sim.Receive(support, email(i, "a@customer.test", fmt.Sprint("subject ", i))); err != nil {
			b.Fatal(err)
		}
	}
	client := &http.Client{Transport: &fault.Transport{Handler: sim}}
	for b.Loop() {
		resp, err := client.Get(api + inboxDelta + "?$select=id,subject,categories,isRead,conversationId")
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); err != nil || n < 1000 {
			b.Fatal(n, err)
		}
		resp.Body.Close()
	}
}
