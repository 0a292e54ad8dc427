package manifest

import (
	"fmt"
	"strings"

	"github.com/postroom/postroom/core/decide"
)

// backlogs are the words for what becomes of mail that was there before Postroom; "triage since DAY" is the other.
var backlogs = map[string]decide.BacklogMode{
	"ignore":        decide.BacklogIgnore,
	"register":      decide.BacklogRegister,
	"triage unread": decide.BacklogTriageUnread,
	"triage all":    decide.BacklogTriageAll,
}

// formerBacklogs are words of earlier versions, with those that mean the same now.
var formerBacklogs = map[string]string{"unread": "triage unread", "all": "triage all", "none": "register"}

func (r *reader) backlog(s string, p path) decide.Backlog {
	out := decide.Backlog{Mode: decide.BacklogRegister}
	day, since := strings.CutPrefix(s, "triage since ")
	mode, known := backlogs[s]
	switch now := formerBacklogs[s]; {
	case s == "":
		r.addEmpty(p)
	case known:
		out.Mode = mode
	case since:
		at, err := dayIn(r.out.Location, day)
		if err != nil {
			r.add(r.at(p), fmt.Sprintf("%q is not a day", strings.TrimSpace(day)), "write year-month-day, as in triage since 2026-10-01")
		}
		out = decide.Backlog{Mode: decide.BacklogTriageSince, Since: at}
	case now != "":
		r.add(r.at(p), fmt.Sprintf("%q is no value of \"backlog\" any more", s), "write "+now+", which means the same")
	default:
		r.add(r.at(p), fmt.Sprintf("%q is not one of the values of \"backlog\"", s),
			r.suggest(s, []string{"ignore", "register", "triage unread", "triage all", "triage since 2026-10-01"}))
	}
	return out
}
