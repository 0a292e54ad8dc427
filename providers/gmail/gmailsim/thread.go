package gmailsim

import "slices"

func (th *thread) wire() wireThread {
	w := wireThread{ID: th.id}
	for _, m := range th.messages {
		w.HistoryID = max(w.HistoryID, id64(m.historyID))
		w.Snippet = m.snippet
		w.Messages = append(w.Messages, m.brief())
	}
	return w
}

func (c *call) thread() (*thread, error) {
	if th := c.threads[c.vars["id"]]; th != nil {
		return th, nil
	}
	return nil, errNotFound
}

func (c *call) getThread() (any, error) {
	th, err := c.thread()
	if err != nil {
		return nil, err
	}
	if c.query.Get("format") == "raw" {
		return nil, invalid("Invalid value at 'format': threads have no raw format")
	}
	w := th.wire()
	w.Messages = nil
	for _, m := range th.messages {
		msg, err := c.render(m)
		if err != nil {
			return nil, err
		}
		w.Messages = append(w.Messages, msg)
	}
	return w, nil
}

// modifyThread changes the messages the thread has now; later ones inherit nothing (labels guide). Drafts cannot
// be labelled and are passed over.
func (c *call) modifyThread() (any, error) {
	th, err := c.thread()
	if err != nil {
		return nil, err
	}
	var in wireModify
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if err := c.checkLabels(in.AddLabelIDs, in.RemoveLabelIDs); err != nil {
		return nil, err
	}
	c.relabelThread(th, in.AddLabelIDs, in.RemoveLabelIDs)
	return th.wire(), nil
}

func (c *call) trashThread() (any, error) {
	th, err := c.thread()
	if err != nil {
		return nil, err
	}
	c.relabelThread(th, []string{labelTrash}, []string{labelInbox})
	return th.wire(), nil
}

func (t *txn) relabelThread(th *thread, add, remove []string) {
	for _, m := range slices.Clone(th.messages) {
		if m.draft == nil {
			t.relabel(m, add, remove)
		}
	}
}
