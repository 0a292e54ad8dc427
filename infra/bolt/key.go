package bolt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/postroom/postroom/core/inbox"
)

// The first bytes of a mailbox's keys; see the package comment.
const (
	actionKey       = 'a'
	actionOrderKey  = 'b'
	progressKey     = 'c'
	teamKey         = 'd'
	handledKey      = 'h'
	knownKey        = 'k'
	overflowKey     = 'o'
	conversationKey = 's'
	threadKey       = 'u'

	eventPart   = 'e'
	messagePart = 'm'
)

// key begins a key with room for what is commonly appended.
func key(first byte) []byte { return append(make([]byte, 0, 48), first) }

// appendID appends an id that something follows: it ends with 00 01, and a zero byte in it is written as 00 FF. So no
// id begins with another and its end, and ids sort as they do themselves.
func appendID(k []byte, id string) []byte {
	for {
		i := bytes.IndexByte([]byte(id), 0)
		if i < 0 {
			return append(append(k, id...), 0, 1)
		}
		k = append(append(k, id[:i]...), 0, 0xff)
		id = id[i+1:]
	}
}

// cutID is the inverse: the id that k begins with, and what follows it.
func cutID(k []byte) (id, rest []byte) {
	for {
		i := bytes.IndexByte(k, 0)
		switch {
		case i < 0 || i+1 == len(k):
			return append(id, k...), nil
		case k[i+1] == 0xff:
			id, k = append(append(id, k[:i]...), 0), k[i+2:]
		default:
			return append(id, k[:i]...), k[i+2:]
		}
	}
}

func appendNumber(k []byte, n int64) []byte { return binary.BigEndian.AppendUint64(k, uint64(n)) }

func number(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) }

const timeSize = 12

func appendTime(k []byte, t time.Time) []byte {
	k = binary.BigEndian.AppendUint64(k, uint64(t.Unix())^1<<63)
	return binary.BigEndian.AppendUint32(k, uint32(t.Nanosecond()))
}

// conversation is the key of a conversation, and what the keys of its events and messages begin with.
func conversation(id inbox.ConversationID) []byte { return appendID(key(conversationKey), string(id)) }

func event(id inbox.ConversationID, seq int64) []byte {
	return appendNumber(append(conversation(id), eventPart), seq)
}

func message(conversationID inbox.ConversationID, id inbox.MessageID) []byte {
	return append(append(conversation(conversationID), messagePart), id...)
}

// What strangers or providers choose and nothing has to sort by is in a key as the beginning of its SHA-256: keys stay
// short, so that the tree stays flat, and bbolt's bound of 32 KiB is nobody's concern.
const hashSize = 16

func appendHash(k []byte, s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return append(k, sum[:hashSize]...)
}

func known(id inbox.MessageID) []byte { return appendHash(key(knownKey), string(id)) }

func thread(id inbox.ThreadID) []byte { return appendHash(key(threadKey), string(id)) }

func handled(a inbox.Address) []byte { return appendHash(key(handledKey), string(a)) }

// The parts of the team.
func open(m inbox.MemberID) []byte { return append(key(teamKey), "o"+m...) }

var (
	lastKey     = []byte{teamKey, 'l'}
	overflowing = []byte{teamKey, 'n'}
)
