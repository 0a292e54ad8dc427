package dynamo

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/postroom/postroom/core/inbox"
)

// key names an item: its partition and its place in it.
type key struct{ p, s string }

// The partitions; see the package comment.
func mailboxPart(m inbox.MailboxID) string { return "m#" + string(m) }
func timersPart(m inbox.MailboxID) string  { return "t#" + string(m) }

func watchKey(id string) key    { return key{"w#" + named(id), "w"} }
func recordKey(name string) key { return key{"z#" + named(name), "z"} }

// The sort keys of a mailbox's items.
const (
	teamKey     = "t"
	progressKey = "p"

	actionPrefix       = "a#"
	conversationPrefix = "c#"
	overflowPrefix     = "o#"
)

// canBe reports whether there can be a conversation of that id. What a person types may be anything; and an id with a #
// would look like another conversation's in the keys of items that belong to it.
func canBe(id inbox.ConversationID) bool {
	return id != "" && len(id) <= maxName && utf8.ValidString(string(id)) && !strings.Contains(string(id), "#")
}

func conversationKey(id inbox.ConversationID) string { return conversationPrefix + string(id) }
func eventsPrefix(id inbox.ConversationID) string    { return "e#" + string(id) + "#" }
func pagePrefix(id inbox.ConversationID) string      { return "g#" + string(id) + "#" }
func spillPrefix(id inbox.ConversationID) string     { return "x#" + string(id) + "#" }
func threadPrefix(t inbox.ThreadID) string           { return "u#" + hash(string(t)) + "#" }
func messageKey(id inbox.MessageID) string           { return "i#" + hash(string(id)) }
func handledKey(a inbox.Address) string              { return "h#" + hash(string(a)) }

func eventsKey(id inbox.ConversationID, last int64) string {
	return fmt.Sprintf("%s%016d", eventsPrefix(id), last)
}
func pageKey(id inbox.ConversationID, n int) string {
	return fmt.Sprintf("%s%08d", pagePrefix(id), n)
}
func spillKey(id inbox.ConversationID, n int) string {
	return fmt.Sprintf("%s%08d", spillPrefix(id), n)
}
func threadKey(t inbox.ThreadID, id inbox.ConversationID) string { return threadPrefix(t) + string(id) }

func actionKey(order int64, id inbox.ConversationID) string {
	return fmt.Sprintf("%s%019d#%s", actionPrefix, order, id)
}

func overflowKey(opened time.Time, id inbox.ConversationID) string {
	// Seconds with the sign bit turned sort as text, also before 1970.
	return fmt.Sprintf("%s%016x%08x#%s", overflowPrefix, uint64(opened.Unix())^1<<63, opened.Nanosecond(), id)
}

// lastPart is what follows the last # of a key.
func lastPart(s string) string { return s[strings.LastIndexByte(s, '#')+1:] }

// hash stands in a key for what strangers or providers choose and nothing has to sort by: the first 16 bytes of the
// SHA-256, which no length and no character can upset.
func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// maxName is how long a name may be that is part of a key as it is; DynamoDB allows 2,048 bytes for a whole key.
const maxName = 512

// named is a name as part of a key: itself, or its hash behind a ~ where it is too long or no text. So whoever reads by a
// name that strangers choose has to compare it with the name in what they find.
func named(s string) string {
	if len(s) > maxName || !utf8.ValidString(s) || strings.HasPrefix(s, "~") {
		return "~" + hash(s)
	}
	return s
}
