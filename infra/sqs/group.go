package sqs

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/postroom/postroom/core/inbox"
)

// maxGroup is how long a MessageGroupId may be ("SendMessage", API reference).
const maxGroup = 128

// Group is the message group of a mailbox: its id, or a hash of it where SQS would not take the id.
func Group(mailbox inbox.MailboxID) string {
	if fits(string(mailbox)) {
		return string(mailbox)
	}
	sum := sha256.Sum256([]byte(mailbox))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// fits reports whether SQS takes s as a group id: letters, digits and punctuation of ASCII, no space.
func fits(s string) bool {
	if s == "" || len(s) > maxGroup {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
