package pipeline_test

import (
	"testing"
	"time"

	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
)

// TestIgnoredMailIsNotWrittenOn: where a write can touch a thread as a whole, the ignored mail in it stays as it is. Postroom
// would never take off again what it put there.
func TestIgnoredMailIsNotWrittenOn(t *testing.T) {
	t.Parallel()
	a := newArchive(t, decide.Backlog{Mode: decide.BacklogIgnore}, func(p *memory.Provider) { p.Threadwise = true })
	a.sync()
	a.now = a.now.Add(time.Hour)
	for _, name := range []string{"again", "and again", "and once more"} {
		a.receive(name, "old3", a.now, true)
	}
	a.sync()
	list, err := a.store.List(t.Context(), "support@contoso.com", "", 10)
	if err != nil || len(list) != 1 || list[0].Received != 3 {
		t.Fatalf("kept %+v: %v", list, err)
	}
	a.spine.Hints = &memory.Queue{}
	if _, err := a.spine.Command(t.Context(), "support@contoso.com", list[0].ID, decide.Command{Verb: decide.Close, By: inbox.ByMember("one")}); err != nil {
		t.Fatal(err)
	}
	a.sync()
	if got := a.marked(); got != "again and again and once more" {
		t.Errorf("wrote on %s", got)
	}
}
