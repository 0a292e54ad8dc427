package graphsim_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
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

// BenchmarkSimulator is the simulator's own share of working a backlog: 1,000
// mails are read through the delta and given a category in batches of 20.
func BenchmarkSimulator(b *testing.B) {
	const n = 1000
	sim := &graphsim.Sim{Now: func() time.Time { return noon }}
	if err := sim.AddMailbox(graphsim.Mailbox{Address: support}); err != nil {
		b.Fatal(err)
	}
	for i := range n {
		if _, err := sim.Receive(support, email(i, "a@customer.test", fmt.Sprint("subject ", i))); err != nil {
			b.Fatal(err)
		}
	}
	client := &http.Client{Transport: &fault.Transport{Handler: sim}}
	do := func(method, target string, body []byte) []byte {
		req, err := http.NewRequest(method, target, bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Prefer", `IdType="ImmutableId", odata.maxpagesize=200`)
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 {
			b.Fatal(resp.Status, err)
		}
		return raw
	}
	var ids []string
	var requests [][]byte
	for b.Loop() {
		ids = ids[:0]
		for target := api + inboxDelta + "?$select=subject,from,conversationId,categories,isRead,receivedDateTime"; target != ""; {
			raw := do("GET", target, nil)
			var page struct {
				Value []struct{ ID string }
				Next  string `json:"@odata.nextLink"`
			}
			if err := json.Unmarshal(raw, &page); err != nil {
				b.Fatal(err)
			}
			for _, m := range page.Value {
				ids = append(ids, m.ID)
			}
			target = page.Next
		}
		if requests == nil {
			for chunk := range slices.Chunk(ids, 20) {
				var items []inner
				for i, id := range chunk {
					items = append(items, patch(fmt.Sprint(i), id, map[string]any{"categories": []string{"@0"}}))
				}
				raw, err := json.Marshal(map[string]any{"requests": items})
				if err != nil {
					b.Fatal(err)
				}
				requests = append(requests, raw)
			}
		}
		for _, body := range requests {
			do("POST", api+"/$batch", body)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "us/message")
}
