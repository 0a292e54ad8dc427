// Package gmail works one Google Workspace mailbox through the Gmail API: it reads what has changed from
// history.list, reads messages, puts labels on and takes them off, and keeps the mailbox's watch alive.
//
// Postroom's words and Gmail's: a marker is a user label's name, a thread is a thread, a place follows from system
// labels. Labels exist on messages only and a new message of a thread does not inherit them ("Manage labels" in
// Google's guide), so each message is marked by itself.
//
// Settings is the other half: it sets a mailbox up, with scopes of its own, and never touches mail. Examination is what
// doctor asks.
//
// Every request acts for the mailbox itself: delegation of a mailbox to a person does not extend to the API. A
// domain-wide grant reaches every mailbox of the tenant, so Client refuses a mailbox outside its list before it
// asks for a token.
//
// Units are Gmail's quota units, 6,000 a minute for each mailbox ("Usage limits", in force since May 2026).
package gmail
