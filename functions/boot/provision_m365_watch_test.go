package boot_test

import (
	"slices"
	"strings"

	"github.com/postroom/postroom/core/provision"
)

// rightOf names the rights as Exchange does.
var rightOf = map[provision.Aspect]string{
	provision.Open: "FullAccess", provision.Read: "ReadPermission", provision.SendAs: "SendAs", provision.SendOnBehalf: "SendOnBehalf",
}

// wished are the rights that the wish gives at a mailbox, by person.
func (c *contoso) wished(mailbox string) map[string][]string {
	out := map[string][]string{}
	for _, w := range c.wish {
		if string(w.Address) != mailbox {
			continue
		}
		for f := range w.Facts {
			if right, ok := rightOf[f.Aspect]; ok {
				out[f.Subject] = append(out[f.Subject], right)
			}
		}
	}
	return out
}

// watch is told of every change of rights.
func (c *contoso) watch(mailbox string, now map[string][]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() { c.rights[mailbox] = now }()
	if c.original == nil {
		return
	}
	wished := c.wished(mailbox)
	for who, rights := range now {
		given := false
		for _, r := range rights {
			given = given || !slices.Contains(c.original[mailbox][who], r)
		}
		for _, r := range rights {
			if given && !slices.Contains(wished[who], r) {
				c.Errorf("%s was given something in %s while holding %v; the wish gives %v, and at the beginning it was %v",
					who, mailbox, rights, wished[who], c.original[mailbox][who])
			}
		}
	}
}

// check holds the tenant against the wish without asking any reader of ours.
func (c *contoso) check(want []provision.Mailbox) {
	c.Helper()
	c.mu.Lock()
	c.wish = want
	c.mu.Unlock()
	for _, w := range want {
		address := string(w.Address)
		if address == "" || len(w.Facts) == 0 {
			continue
		}
		if got, want := sortedRights(c.rights[address]), sortedRights(c.wished(address)); got != want {
			c.Errorf("rights in %s are %s, want %s", address, got, want)
		}
		have, err := c.Graph.Categories(address)
		c.must(err)
		folded := map[string]int{}
		for name := range have {
			folded[strings.ToLower(name)]++
		}
		for f, value := range w.Facts {
			if f.Aspect == provision.Marker && folded[strings.ToLower(f.Subject)] != 1 {
				c.Errorf("%s has the category %s not once but: %v", address, f.Subject, have)
			}
			if mapped, ok := c.Exchange.Mapped(address, f.Subject); f.Aspect == provision.Open && !c.opened[address+" "+f.Subject] && (!ok || mapped != (value == "mapped")) {
				c.Errorf("%s has %s open, mapped %v; want it %s", f.Subject, address, mapped, value)
			}
		}
		if !c.Exchange.Reaches(address) {
			c.Errorf("the app does not reach %s", address)
		}
	}
	for _, address := range append([]string{undeclared}, boxes...) {
		declared := slices.ContainsFunc(want, func(w provision.Mailbox) bool { return string(w.Address) == address && len(w.Facts) > 0 })
		if !declared && c.Exchange.Reaches(address) {
			c.Errorf("the app reaches %s", address)
		}
	}
}

func sortedRights(of map[string][]string) string {
	var out []string
	for who, rights := range of {
		rights = slices.Clone(rights)
		slices.Sort(rights)
		if len(rights) > 0 {
			out = append(out, who+" "+strings.Join(rights, ","))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}
