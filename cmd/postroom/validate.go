package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
)

type validateCommand struct {
	File string `arg:"" optional:"" default:"postroom.yaml" help:"The manifest (default: ${default})."`
	JSON bool   `name:"json" help:"Print one JSON object instead, problems or not."`
}

// Help is shown below the flags.
func (c *validateCommand) Help() string {
	return `Everything that is wrong is told at once, each with its place and the way to put it right. The exit code is 0 for a
manifest in which everything is well and 1 for any other. Nothing is reached over the network.

Examples:
  postroom validate
  postroom validate team/postroom.yaml --json`
}

// validation is what --json prints.
type validation struct {
	File      string          `json:"file"`
	OK        bool            `json:"ok"`
	Problems  []problem       `json:"problems,omitempty"`
	More      int             `json:"more,omitempty"` // further problems, which are not listed
	Mailboxes []mailboxDigest `json:"mailboxes,omitempty"`
	Members   int             `json:"members,omitempty"` // people with a part in any mailbox
}

type problem struct {
	Line   int    `json:"line"`
	Column int    `json:"column"` // in characters, from 1
	Source string `json:"source"`
	Text   string `json:"text"`
	Fix    string `json:"fix,omitempty"`
}

// mailboxDigest is what a manifest says of one mailbox, in numbers.
type mailboxDigest struct {
	Mailbox  inbox.MailboxID   `json:"mailbox"`
	Provider manifest.Provider `json:"provider"`
	Strategy string            `json:"strategy"`
	Members  int               `json:"members"`
	Rules    int               `json:"rules"`
	Markers  int               `json:"markers"`
}

// Run checks the manifest. Problems are the answer, so they go to stdout.
func (c *validateCommand) Run(a *app) error {
	if _, err := os.Stat(c.File); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no manifest %s: name yours, as in postroom validate FILE", c.File)
	}
	m, err := readManifest(c.File)
	var wrong *manifest.Errors
	switch {
	case errors.As(err, &wrong):
		return c.tell(a, wrong)
	case err != nil:
		return err
	}
	v := digest(c.File, m)
	if c.JSON {
		return writeJSON(a.stdout, v)
	}
	rules, markers := 0, 0
	for _, b := range v.Mailboxes {
		rules, markers = rules+b.Rules, markers+b.Markers
	}
	fmt.Fprintf(a.stdout, "%s is good: %s, %s, %s, %s\n", c.File, count(len(v.Mailboxes), "mailbox", "mailboxes"),
		count(v.Members, "member", "members"), count(rules, "rule", "rules"), count(markers, "marker", "markers"))
	for _, b := range v.Mailboxes {
		fmt.Fprintf(a.stdout, "  %s (%s): %s, %s, %s, assigned %s\n", b.Mailbox, providerName(b.Provider), count(b.Members, "member", "members"),
			count(b.Rules, "rule", "rules"), count(b.Markers, "marker", "markers"), assignedHow(b.Strategy))
	}
	return nil
}

// tell prints the problems and gives the summary as the error.
func (c *validateCommand) tell(a *app, wrong *manifest.Errors) error {
	if c.JSON {
		v := validation{File: c.File, More: wrong.More}
		for _, e := range wrong.List {
			v.Problems = append(v.Problems, problem{Line: e.Line, Column: e.Column, Source: e.Source, Text: e.Text, Fix: e.Fix})
		}
		return cmp.Or(writeJSON(a.stdout, v), error(errSaid{}))
	}
	if _, err := fmt.Fprintf(a.stdout, "%s\n\n", wrong); err != nil {
		return err
	}
	return fmt.Errorf("%s: %s", c.File, count(len(wrong.List)+wrong.More, "problem", "problems"))
}

func digest(file string, m *manifest.Manifest) validation {
	v := validation{File: file, OK: true}
	people := map[inbox.MemberID]bool{}
	for _, b := range m.Mailboxes() {
		for _, member := range b.Policy.Members {
			people[member.ID] = true
		}
		v.Mailboxes = append(v.Mailboxes, mailboxDigest{
			Mailbox: b.Policy.Mailbox, Provider: b.Provider, Strategy: string(b.Policy.Assign.Strategy),
			Members: len(b.Policy.Members), Rules: b.Policy.Rules.Len(), Markers: len(b.Styles),
		})
	}
	v.Members = len(people)
	return v
}

func providerName(p manifest.Provider) string {
	switch p {
	case manifest.M365:
		return "Microsoft 365"
	case manifest.Gmail:
		return "Google Workspace"
	}
	return string(p)
}

func assignedHow(strategy string) string {
	switch strategy {
	case "manual":
		return "by hand"
	case "round-robin":
		return "in turn"
	}
	return "to the least loaded"
}
