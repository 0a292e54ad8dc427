package gmailsim

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// System labels this package names.
const (
	labelInbox  = "INBOX"
	labelUnread = "UNREAD"
	labelSent   = "SENT"
	labelDraft  = "DRAFT"
	labelTrash  = "TRASH"
	labelSpam   = "SPAM"
)

var systemLabels = []string{
	"CHAT", labelSent, labelInbox, "IMPORTANT", labelTrash, labelDraft, labelSpam, "CATEGORY_FORUMS", "CATEGORY_UPDATES",
	"CATEGORY_PERSONAL", "CATEGORY_PROMOTIONS", "CATEGORY_SOCIAL", "STARRED", labelUnread,
}

// reservedNames are further names the web client keeps for itself.
var reservedNames = []string{"all mail", "anywhere", "archive", "bin", "chats", "drafts", "muted", "read", "scheduled", "sent mail", "snoozed", "voicemail"}

// Limits of labels (labels guide; the length is field knowledge).
const (
	maxLabels     = 10_000
	maxLabelName  = 225
	maxLabelsCall = 100
)

type label struct {
	id, name, listVisibility, messageVisibility string
	color                                       *wireColor
	system                                      bool
}

func (mb *mailbox) putLabel(l *label) {
	mb.labels[l.id] = l
	mb.labelOrder = append(mb.labelOrder, l)
}

// labelNamed compares as Gmail does, without case.
func (mb *mailbox) labelNamed(name string) *label {
	for _, l := range mb.labelOrder {
		if strings.EqualFold(l.name, name) {
			return l
		}
	}
	return nil
}

func (mb *mailbox) newLabel(w wireLabel) (*label, error) {
	l := &label{}
	if len(mb.labelOrder)-len(systemLabels) >= maxLabels {
		return nil, invalid("Too many labels: at most %d", maxLabels)
	}
	if err := mb.change(l, w); err != nil {
		return nil, err
	}
	if l.name == "" {
		return nil, invalid("Invalid label name")
	}
	mb.labelCount++
	l.id = fmt.Sprintf("Label_%d", mb.labelCount)
	mb.putLabel(l)
	return l, nil
}

// change checks w and takes over what it sets.
func (mb *mailbox) change(l *label, w wireLabel) error {
	next := *l
	if w.Name != "" {
		name := strings.TrimSpace(w.Name)
		if l.system && name != l.name {
			return invalid("Invalid label name")
		}
		if name == "" || utf8.RuneCountInString(name) > maxLabelName || slices.Contains(reservedNames, strings.ToLower(name)) {
			return invalid("Invalid label name")
		}
		if other := mb.labelNamed(name); other != nil && other != l {
			if other.system {
				return invalid("Invalid label name")
			}
			return conflict("Label name exists or conflicts")
		}
		next.name = name
	}
	if !oneOf(w.LabelListVisibility, "labelShow", "labelShowIfUnread", "labelHide") {
		return invalid("Invalid value at 'label.label_list_visibility', %q", w.LabelListVisibility)
	}
	if !oneOf(w.MessageListVisibility, "show", "hide") {
		return invalid("Invalid value at 'label.message_list_visibility', %q", w.MessageListVisibility)
	}
	if w.LabelListVisibility != "" {
		next.listVisibility = w.LabelListVisibility
	}
	if w.MessageListVisibility != "" {
		next.messageVisibility = w.MessageListVisibility
	}
	if w.Color != nil {
		if l.system {
			return invalid("Invalid label: system labels have no color")
		}
		if w.Color.TextColor == "" || w.Color.BackgroundColor == "" {
			return invalid("Both textColor and backgroundColor are required")
		}
		for _, c := range []string{w.Color.TextColor, w.Color.BackgroundColor} {
			if !palette[strings.ToLower(c)] {
				return invalid("Label color %s is not on the allowed color palette", c)
			}
		}
		next.color = w.Color
	}
	*l = next
	return nil
}

func oneOf(v string, allowed ...string) bool { return v == "" || slices.Contains(allowed, v) }

func (l *label) wire() wireLabel {
	w := wireLabel{ID: l.id, Name: l.name, Type: "user", Color: l.color, LabelListVisibility: l.listVisibility, MessageListVisibility: l.messageVisibility}
	if l.system {
		w.Type = "system"
	}
	return w
}

func (c *call) listLabels() (any, error) {
	answer := wireLabels{}
	for _, l := range c.labelOrder {
		answer.Labels = append(answer.Labels, l.wire())
	}
	return answer, nil
}

func (c *call) label() (*label, error) {
	if l := c.labels[c.vars["id"]]; l != nil {
		return l, nil
	}
	return nil, errNotFound
}

func (c *call) getLabel() (any, error) {
	l, err := c.label()
	if err != nil {
		return nil, err
	}
	messages, unread := 0, 0
	threads, unreadThreads := map[*thread]bool{}, map[*thread]bool{}
	for _, m := range c.order {
		if !m.has(l.id) {
			continue
		}
		messages++
		threads[m.thread] = true
		if m.has(labelUnread) {
			unread++
			unreadThreads[m.thread] = true
		}
	}
	w := l.wire()
	nt, nu := len(threads), len(unreadThreads)
	w.MessagesTotal, w.MessagesUnread, w.ThreadsTotal, w.ThreadsUnread = &messages, &unread, &nt, &nu
	return w, nil
}

func (c *call) createLabel() (any, error) {
	var in wireLabel
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	l, err := c.newLabel(in)
	if err != nil {
		return nil, err
	}
	return l.wire(), nil
}

func (c *call) patchLabel() (any, error) {
	l, err := c.label()
	if err != nil {
		return nil, err
	}
	var in wireLabel
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if err := c.change(l, in); err != nil {
		return nil, err
	}
	return l.wire(), nil
}

func (c *call) deleteLabel() (any, error) {
	l, err := c.label()
	if err != nil {
		return nil, err
	}
	if l.system {
		return nil, invalid("Invalid delete request")
	}
	for _, m := range c.order {
		c.relabel(m, nil, []string{l.id})
	}
	delete(c.labels, l.id)
	c.labelOrder = slices.DeleteFunc(c.labelOrder, func(o *label) bool { return o == l })
	return nil, nil
}
