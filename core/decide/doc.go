// Package decide is the heart of Postroom: a pure function from a conversation, what happened, the policy and the time
// to events, actions and the reasons in words.
package decide
