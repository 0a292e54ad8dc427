// Package inbox holds the words of Postroom: mailbox, member, conversation, message, marker, change and event,
// with their ids as types of their own. It imports nothing of Postroom and decides nothing; it only says what the
// words mean and how a conversation follows from its events.
//
// All values are plain data: they may be copied, compared and encoded as JSON. Slices inside a value are never
// changed in place once the value has been handed on; methods that "change" a value return a new one.
package inbox

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// MailboxID is the address of one shared mailbox in lower case, such as support@contoso.com.
type MailboxID string

// MemberID is the key of a person under "members" in the manifest.
type MemberID string

// MessageID is the provider's immutable id of one message in one mailbox: Graph's ImmutableId or Gmail's message id.
// It is case-sensitive and opaque. It is not the Message-ID header, which strangers choose.
type MessageID string

// ThreadID is the provider's id of a thread in one mailbox: Graph's conversationId or Gmail's threadId.
type ThreadID string

// ConversationID names one conversation of one mailbox. People type it, so it is short: twelve lower-case letters and digits.
type ConversationID string

// Marker is what people see on a mail: the name of an Outlook category or of a Gmail label.
type Marker string

// Cursor is a provider's position in a mailbox's changes. Only the adapter that made it can read it.
// The empty cursor stands before the oldest message.
type Cursor string

// Address is an e-mail address in lower case.
type Address string

// NewAddress lower-cases s and cuts the white space and angle brackets around it.
func NewAddress(s string) Address {
	return Address(strings.ToLower(strings.Trim(strings.TrimSpace(s), "<> \t\r\n")))
}

// Domain is what follows the last @, or "" where there is none.
func (a Address) Domain() string {
	if i := strings.LastIndexByte(string(a), '@'); i >= 0 {
		return string(a[i+1:])
	}
	return ""
}

var conversationEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewConversationID derives the id of the conversation that the message seed begins. The same mailbox, thread and
// seed always give the same id, so a replay after a crash meets its own work again.
func NewConversationID(mailbox MailboxID, thread ThreadID, seed MessageID) ConversationID {
	h := sha256.New()
	for _, s := range []string{string(mailbox), string(thread), string(seed)} {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	return ConversationID(conversationEncoding.EncodeToString(h.Sum(nil))[:12])
}

// Provider is where a mailbox is.
type Provider string

// The providers.
const (
	M365  Provider = "m365"  // Microsoft 365
	Gmail Provider = "gmail" // Google Workspace
)
