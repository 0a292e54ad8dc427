package automail_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/postroom/postroom/core/automail"
	"github.com/postroom/postroom/core/inbox"
)

func TestReason(t *testing.T) {
	t.Parallel()
	header := func(name, value string) inbox.Message {
		return inbox.Message{From: inbox.Person{Address: "a@example.com"}, Header: []inbox.Field{{Name: name, Value: value}}}
	}
	for _, tt := range []struct {
		name string
		m    inbox.Message
		auto bool
	}{
		{"a person", header("Subject", "hello"), false},
		{"says itself that it is not", header("Auto-Submitted", "no"), false},
		{"vacation", header("auto-submitted", "auto-replied; owner=x"), true},
		{"bulk", header("Precedence", "Bulk"), true},
		{"first class", header("Precedence", "first-class"), false},
		{"list", header("List-Id", "<news.example.com>"), true},
		{"bounce", header("Return-Path", "<>"), true},
		{"ordinary return path", header("Return-Path", "<a@example.com>"), false},
		{"report", header("Content-Type", `multipart/report; report-type=delivery-status`), true},
		{"mixed", header("Content-Type", `multipart/mixed; boundary=x`), false},
		{"daemon", inbox.Message{From: inbox.Person{Address: "mailer-daemon@example.com"}}, true},
		{"asks others to keep quiet, but a person wrote it", header("X-Auto-Response-Suppress", "All"), false},
		{"danish out of office", inbox.Message{Subject: "Automatisk svar: ferie"}, true},
	} {
		if got := automail.Reason(tt.m); (got != "") != tt.auto {
			t.Errorf("%s: reason %q", tt.name, got)
		}
	}
}

// TestReasonIsText: a reason goes onto the timeline, so a letter of what a stranger wrote is never cut in two.
func TestReasonIsText(t *testing.T) {
	t.Parallel()
	for n := range 4 {
		m := inbox.Message{Header: []inbox.Field{{Name: "Auto-Submitted", Value: strings.Repeat("x", n) + strings.Repeat("é€", 40)}}}
		if got := automail.Reason(m); !utf8.ValidString(got) || len(got) > 80 {
			t.Errorf("reason %q", got)
		}
	}
}
