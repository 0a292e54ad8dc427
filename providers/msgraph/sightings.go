package msgraph

// sighting is all that one round shows of one message.
type sighting struct {
	item *wireItem
	in   *folderCursor // the folder that has it; nil when all that is known is which it left
	// doubtful: two folders have it. It was moved between their reads, and which is the newer one cannot be told.
	doubtful bool
}

// sightings are the messages of a round, in the order they first came up.
type sightings struct {
	byID   map[string]*sighting
	order  []*sighting
	afresh bool // the inbox begins to be listed from nothing
	total  int  // messages in folders that were found
}

// add notes one item of f's delta. Items repeat within a folder and the last one counts. Across folders there is no
// order: a message that left one and is in another has been moved.
func (s *sightings) add(f *folderCursor, item *wireItem) {
	if item.ID == "" {
		return
	}
	known := s.byID[item.ID]
	if known == nil {
		known = &sighting{item: item}
		s.byID[item.ID] = known
		s.order = append(s.order, known)
	}
	if item.Removed != nil {
		if known.in == f {
			known.in, known.item = nil, item
		}
		return
	}
	known.doubtful = known.doubtful || known.in != nil && known.in != f
	known.in, known.item = f, item
}
