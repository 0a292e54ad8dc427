package boot_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/infra/bolt"
	"pgregory.net/rapid"
)

const twoMailboxes = `
version: 1
organisation: {name: Contoso, domains: [contoso.com], timezone: Europe/Copenhagen}
members:
  one: {name: Agent One, email: one@staff.example}
  two: {name: Agent Two, email: two@staff.example}
mailboxes:
  support@contoso.com: {provider: m365, name: Support, agents: [one, two], leads: [one], assign: {strategy: least-loaded}, backlog: triage unread}
  hello@contoso.com: {provider: gmail, name: Hello, agents: [one, two], leads: [one], assign: {strategy: round-robin}, backlog: triage unread}
`

// TestHistories runs random histories through the real clients against the vendors' simulators. Some of them hold every
// exchange to the vendor's contract, and some keep their state on the disk.
func TestHistories(t *testing.T) {
	t.Parallel()
	t.Run("graph", func(t *testing.T) {
		t.Parallel()
		c, err := graphContract()
		if err != nil {
			t.Fatal(err)
		}
		hold := func(w *world) { w.GraphTrips.Handler = c.Wrap(w.GraphTrips.Handler, w.violate) }
		if c == nil {
			hold = nil
		}
		checkHistories(t, graphOffice, hold)
	})
	t.Run("gmail", func(t *testing.T) {
		t.Parallel()
		c, err := gmailContract(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		checkHistories(t, gmailOffice, func(w *world) { w.GmailTrips.Handler = c.Wrap(w.GmailTrips.Handler, w.violate) })
	})
}

// checkHistories runs histories of one provider. hold puts its contract around the simulator; nil when there is none.
func checkHistories(t *testing.T, office func(*rapid.T, *world) coretest.Office, hold func(*world)) {
	t.Helper()
	dir := t.TempDir()
	ran, held, onDisk := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		ran++
		w := newWorld(t)
		if hold != nil && w.oneIn(5, "contract") {
			held++
			hold(w)
		}
		var store pipeline.Store = &memory.Store{OnMisuse: func(err error) { t.Errorf("misuse: %v", err) }}
		if w.oneIn(10, "disk") {
			onDisk++
			db := openDisk(t, filepath.Join(dir, fmt.Sprint(ran)))
			defer db.Close()
			store = db
		}
		coretest.History(t, office(t, w), store)
		if broken := w.violated(); len(broken) > 0 {
			t.Fatalf("the contract is violated %d times, the first time by %s", len(broken), broken[0])
		}
	})
	if ran < 100 {
		return // so few that there need be none of each kind
	}
	if onDisk == 0 || hold != nil && held == 0 {
		t.Errorf("of %d histories %d were held to the contract and %d were on the disk", ran, held, onDisk)
	}
}

func openDisk(t *rapid.T, path string) *bolt.DB {
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// world is a simulation whose clock moves by itself a little with every request, so that no two changes share a moment.
type world struct {
	*boot.Simulation
	now  time.Time
	seed uint64

	mu     sync.Mutex
	broken []string // of the contract
}

func newWorld(t *rapid.T) *world {
	w := &world{now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), seed: rapid.Uint64().Draw(t, "seed")}
	var err error
	w.Simulation, err = boot.Simulate(parse(t, twoMailboxes), boot.SimulationOptions{
		Now: func() time.Time { return w.now }, Sleep: func(d time.Duration) { w.now = w.now.Add(d) },
		Rand: rand.New(rand.NewPCG(7, w.seed)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// oneIn chooses a sample of the worlds by their seeds, so that a history that failed fails again. rapid's own draws
// would prefer small numbers.
func (w *world) oneIn(n int, what string) bool {
	return rand.New(rand.NewPCG(uint64(len(what)), w.seed)).IntN(n) == 0
}

func (w *world) violate(violation string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = append(w.broken, violation)
}

func (w *world) violated() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.broken)
}

func (w *world) advance(d time.Duration) { w.now = w.now.Add(d) }
