package gmail

import "github.com/postroom/postroom/core/inbox"

// What writes cost, in units, and the most messages of one batchModify.
const (
	modifyUnits = 5  // messages.modify
	threadUnits = 10 // threads.modify, however many messages the thread has
	batchUnits  = 50 // messages.batchModify
	maxBatch    = 1000

	// batchPays is the largest number of messages for which modifying each is not dearer than a batch.
	batchPays = batchUnits / modifyUnits
)

type kind int

const (
	oneMessage kind = iota
	oneThread
	batch
)

// step is one request: a message, the messages of one thread, or up to 1,000 messages.
type step struct {
	kind  kind
	tasks []task
}

// plan spreads tasks with equal labels over requests so that the fewest units are used, and of equally cheap ways takes
// the one with fewer requests. A thread is modified as a whole only where the pipeline says that this has the same
// effect, and from three messages on.
func plan(tasks []task) []step {
	whole, rest := wholeThreads(tasks)
	threads := threadUnits * len(whole)
	ways := []struct {
		units, requests int
		steps           func() []step
	}{
		{batchUnits * batches(len(tasks)), batches(len(tasks)), func() []step { return inBatches(tasks) }},
		{threads + batchUnits*batches(len(rest)), len(whole) + batches(len(rest)), func() []step { return append(whole, inBatches(rest)...) }},
		{threads + modifyUnits*len(rest), len(whole) + len(rest), func() []step { return append(whole, singly(rest)...) }},
	}
	best := ways[0]
	for _, w := range ways[1:] {
		if w.units < best.units || w.units == best.units && w.requests < best.requests {
			best = w
		}
	}
	return best.steps()
}

func wholeThreads(tasks []task) (whole []step, rest []task) {
	of := map[inbox.ThreadID][]task{}
	var order []inbox.ThreadID
	for _, t := range tasks {
		if !t.WholeThread || t.Thread == "" {
			rest = append(rest, t)
			continue
		}
		if of[t.Thread] == nil {
			order = append(order, t.Thread)
		}
		of[t.Thread] = append(of[t.Thread], t)
	}
	for _, id := range order {
		if len(of[id]) >= threadPays {
			whole = append(whole, step{oneThread, of[id]})
		} else {
			rest = append(rest, of[id]...)
		}
	}
	return whole, rest
}

func batches(n int) int { return (n + maxBatch - 1) / maxBatch }

func inBatches(tasks []task) []step {
	var out []step
	for len(tasks) > 0 {
		n := min(len(tasks), maxBatch)
		out = append(out, step{batch, tasks[:n]})
		tasks = tasks[n:]
	}
	return out
}

func singly(tasks []task) []step {
	out := make([]step, len(tasks))
	for i := range tasks {
		out[i] = step{oneMessage, tasks[i : i+1]}
	}
	return out
}
