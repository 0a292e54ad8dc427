package exchange

import (
	"context"
	"slices"
	"strings"

	"github.com/postroom/postroom/core/provision"
)

// few is up to how many mailboxes are asked for one by one. For more all of the tenant's are listed.
const few = 20

// list asks for all shared mailboxes at once, if many are wanted.
func (r *reading) list(ctx context.Context) error {
	wanted, _ := r.ask.addresses()
	if _, scripted := r.admin.shell.(*Answers); scripted || len(wanted) <= few || !r.ask.any(ofMailbox) && !r.ask.has(provision.Open) {
		return nil
	}
	all := r.admin.getMailbox("")
	all.Parameters = map[string]any{"ResultSize": "Unlimited", "RecipientTypeDetails": "SharedMailbox"}
	rows, err := r.admin.one(ctx, all)
	if err != nil {
		return err
	}
	r.listed, r.hidden = make(map[string]Row, len(rows)), map[string]error{}
	for _, row := range rows {
		r.listed[strings.ToLower(row.text("PrimarySmtpAddress"))] = row
	}
	missing := slices.DeleteFunc(wanted, func(m string) bool { _, ok := r.listed[m]; return ok })
	if len(missing) == 0 {
		return nil
	}
	// They may be of another kind, or too new for the list.
	commands := make([]Command, len(missing))
	for i, m := range missing {
		commands[i] = r.admin.getMailbox(m)
	}
	results, err := r.admin.shell.Run(ctx, commands...)
	if err != nil {
		return err
	}
	for i, res := range results {
		if res.Err != nil && !isMissing(res.Err) {
			r.hidden[missing[i]] = res.Err
		}
		for _, row := range res.Rows {
			r.listed[strings.ToLower(row.text("PrimarySmtpAddress"))] = row
		}
	}
	return nil
}
