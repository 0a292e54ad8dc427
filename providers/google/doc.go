// Package google is what every client of a Google API needs in the same way, whatever the API: tokens of a service account
// that acts for somebody, requests that are signed and tried again, and what an error says.
//
// It knows nothing of mailboxes or of provisioning: what an answer means, and its fix, is for the adapter to say.
package google
