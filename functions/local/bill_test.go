package local_test

import (
	"time"

	"github.com/postroom/postroom/functions/local"
	"github.com/postroom/postroom/infra/dynamo/engine"
)

// How long what a function waits for takes in production. Here everything answers at once, so the time that Lambda would
// charge for is made of counted round trips.
const (
	toProvider = 100 * time.Millisecond // Graph and Gmail, as in the other figures
	toAWS      = 5 * time.Millisecond   // DynamoDB and SQS in the same region
)

// meter counts what a site uses from a moment on.
type meter struct {
	*site
	from used
}

// used is what has been used since the site's beginning.
type used struct {
	dynamo       engine.Count
	mapping      local.MappingStats
	ingest, sync int // invocations
	provider     int // round trips
	sent         int // requests to the queue from the functions
	logs         int // bytes
	cpu          [2]time.Duration
}

func (s *site) used() used {
	sum := func(f *local.Function) (d time.Duration) {
		for _, u := range f.Usage() {
			d += u.CPU
		}
		return d
	}
	return used{
		dynamo: s.dynamo.Take(), mapping: s.mapping.Stats(), ingest: s.ingest.Invocations(), sync: s.sync.Invocations(),
		provider: s.Graph.Stats().RoundTrips + s.Gmail.Stats().Requests, sent: int(s.sends.Load()), logs: s.ingest.Log.Size() + s.sync.Log.Size(),
		cpu: [2]time.Duration{sum(s.ingest), sum(s.sync)},
	}
}

func (s *site) meter() meter { return meter{s, s.used()} }

// stop counts what has been used since the meter was made. It is called once.
func (m meter) stop() used {
	u := m.used()
	u.mapping.Receives -= m.from.mapping.Receives
	u.mapping.Deletes -= m.from.mapping.Deletes
	u.ingest -= m.from.ingest
	u.sync -= m.from.sync
	u.provider -= m.from.provider
	u.sent -= m.from.sent
	u.logs -= m.from.logs
	u.cpu[0] -= m.from.cpu[0]
	u.cpu[1] -= m.from.cpu[1]
	return u
}

// bill is what all of it costs, in dollars.
func (u used) bill() float64 {
	ingest, sync := float64(u.ingest), float64(u.sync)
	requests := 0
	for _, n := range u.dynamo.Requests {
		requests += n
	}
	// A notification reads its watch and sends its hint; all other requests to the table are those of sync.
	ingestTime := u.cpu[0].Seconds() + 2*ingest*toAWS.Seconds()
	syncTime := u.cpu[1].Seconds() + float64(u.provider)*toProvider.Seconds() + (float64(requests)-ingest)*toAWS.Seconds()
	queue := float64(u.sent + u.mapping.Receives + u.mapping.Deletes)
	const overhead = 3 * 110 // bytes of the lines that Lambda itself writes for an invocation: START, END, REPORT
	logs := float64(u.logs) + overhead*(ingest+sync)
	return ingest*price("api") + (ingest+sync)*price("invoke") +
		(0.25*ingestTime+0.5*syncTime)*price("gbs") + queue*price("sqs") +
		u.dynamo.WriteUnits*price("wru") + u.dynamo.ReadUnits*price("rru") + logs/1e9*price("log")
}

// report prints what each of so many mails took.
func (u used) report(suffix string, mails int) {
	n := float64(mails)
	figure("dynamo.write_units_per_message"+suffix, round(u.dynamo.WriteUnits/n, 2), "units")
	figure("dynamo.reads_per_message"+suffix, round(u.dynamo.ReadUnits/n, 2), "units")
	figure("dynamo.transactions_per_message"+suffix, round(float64(u.dynamo.Transactions)/n, 3), "transactions")
	figure("sync.invocations_per_message"+suffix, round(float64(u.sync)/n, 3), "invocations")
	figure("ingest.invocations_per_message"+suffix, round(float64(u.ingest)/n, 3), "invocations")
	figure("aws.usd_per_million_messages"+suffix, round(u.bill()/n*1e6, 2), "USD")
}
