package inbox

import (
	"hash/fnv"
	"slices"
)

// Refs are hashes of the message's own Message-ID and of those it refers to, its own first. A hash is enough: they are
// only ever compared, and 64 bits do not collide within one thread.
func (m Message) Refs() []uint64 {
	var out []uint64
	add := func(id string) {
		if id == "" {
			return
		}
		if h := hash(id); !slices.Contains(out, h) && len(out) < maxRefs {
			out = append(out, h)
		}
	}
	add(m.RFCID)
	add(m.InReplyTo)
	for i := len(m.References) - 1; i >= 0; i-- {
		add(m.References[i])
	}
	return out
}

// Outsiders are hashes of everybody on the message for whom inside is false.
func (m Message) Outsiders(inside func(Address) bool) []uint64 {
	var out []uint64
	for _, list := range [][]Person{{m.From}, {m.Sender}, m.To, m.Cc} {
		for _, p := range list {
			if p.Address == "" || inside(p.Address) || len(out) == maxPeople {
				continue
			}
			if h := hash(string(p.Address)); !slices.Contains(out, h) {
				out = append(out, h)
			}
		}
	}
	return out
}

// Belongs reports whether a mail with these refs and outsiders is part of the conversation, given that the provider
// put both in one thread. Where the thread is only a hint, one of them must overlap; a mail without outsiders (a
// colleague's) belongs, for there is nothing to tell it apart by.
func (c Conversation) Belongs(m Message, refs, outsiders []uint64) bool {
	if c.Thread != m.Thread {
		return false
	}
	if !m.ThreadIsHint || len(outsiders) == 0 {
		return true
	}
	return overlap(c.Refs, refs) || overlap(c.People, outsiders)
}

func overlap(a, b []uint64) bool {
	return slices.ContainsFunc(a, func(v uint64) bool { return slices.Contains(b, v) })
}

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}
