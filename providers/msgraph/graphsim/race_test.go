package graphsim_test

import (
	"fmt"
	"sync"
	"testing"
)

// People and a client work on one mailbox at once; every mail is then found by a
// delta exactly where it is.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	tn, _ := newSubscribed(t)
	tn.NoConcurrencyLimit = true
	tn.subscribe(immutable)
	_, link := tn.read(inboxDelta, immutable)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 25 {
				id, err := tn.Receive(support, email(100*w+i, "a@customer.test", fmt.Sprintf("subject %d %d", w, i)))
				if err != nil {
					t.Error(err)
					return
				}
				if a, err := tn.try("PATCH", messages+"/"+id, map[string]any{"categories": []string{"x"}}, nil); err != nil || a.status != 200 {
					t.Errorf("patch = %d, %v", a.status, err)
				}
				if i%5 == 0 {
					if err := tn.Move(support, id, "archive"); err != nil {
						t.Error(err)
					}
				}
				if _, err := tn.try("GET", link, nil, immutable); err != nil {
					t.Error(err)
				}
				if _, err := tn.Deliver(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	present := map[string]bool{}
	ids, _ := tn.read(link, immutable)
	for _, id := range ids {
		if id[0] == '-' {
			delete(present, id[1:])
			continue
		}
		present[id] = true
	}
	all, err := tn.Messages(support)
	tn.do(err)
	if len(all) != 200 || len(present) != 160 {
		t.Errorf("%d mails, %d in the inbox by delta; want 200 and 160", len(all), len(present))
	}
	for _, m := range all {
		if present[m.ID] != (m.Folder == "inbox") {
			t.Errorf("%s is in %s, by delta in the inbox: %v", m.ID, m.Folder, present[m.ID])
		}
	}
	if st := tn.Stats(); st.Mailboxes[support].Requests < 400 {
		t.Errorf("stats = %+v", st)
	}
}
