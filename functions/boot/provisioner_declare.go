package boot

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/postroom/postroom/core/provision"
)

// declare makes a mailbox as a resource's properties say, and one that is worked.
func (p *Provisioner) declare(ctx context.Context, t *task, e *resourceEvent, props properties) (map[string]any, error) {
	declared, err := loadDeclarations(ctx, p.Records)
	if err != nil {
		return nil, err
	}
	wanted := Declaration{Address: props.address, Owner: e.owner(), Keys: props.keys, Worked: true}
	if was, ok := declared.find(props.address); ok && was.Owner != wanted.Owner {
		return nil, taken(was)
	}
	list := slices.DeleteFunc(declared.worked(), func(d Declaration) bool { return d.Address == props.address })
	w, err := p.wishWith(ctx, list, wanted)
	if err != nil {
		return nil, err
	}
	mine := w.only(props.address)
	if len(mine.want) == 0 {
		return nil, refusal{fmt.Errorf("the deployment has no identity that administers mailboxes at %v: set the parameters that begin with Exchange or Workspace", props.keys["provider"])}
	}
	if err := p.claim(ctx, t, mine, wanted); err != nil {
		return nil, err
	}
	left, err := p.bringAbout(ctx, t, e, mine, props.allowRemove)
	if err != nil {
		return nil, err
	}
	if err := heldBack(left); err != nil {
		return nil, err
	}
	data := map[string]any{"Address": string(props.address), "Held": strconv.Itoa(len(left.Held)), "ByHand": strconv.Itoa(p.byHand(ctx, props.address, left))}
	return data, changeDeclarations(ctx, p.Records, func(list []Declaration) ([]Declaration, error) {
		i := slices.IndexFunc(list, func(d Declaration) bool { return d.Address == wanted.Address && d.Owner == wanted.Owner })
		if i < 0 {
			return nil, gone(wanted)
		}
		wanted.Created = list[i].Created
		list[i] = wanted
		// What else the resource has is the mailbox that it is to have no more, and what an update that failed has left.
		list = slices.DeleteFunc(list, func(d Declaration) bool {
			return d.Owner == wanted.Owner && !d.Worked && string(d.Address) != e.PhysicalResourceId
		})
		for i, d := range list {
			if d.Owner == wanted.Owner && d.Address != wanted.Address {
				list[i].Kept = !props.remove
			}
		}
		return list, nil
	})
}

// claim keeps, before anything is made, who owns a mailbox and whether it was there: only what a resource has made may it delete.
func (p *Provisioner) claim(ctx context.Context, t *task, mine wish, wanted Declaration) error {
	err := changeDeclaration(ctx, p.Records, wanted.Address, func(was *Declaration) (*Declaration, error) {
		switch {
		case was == nil && t.Resource.Claimed:
			return nil, gone(wanted)
		case was == nil, was.Owner == wanted.Owner && !was.Worked && was.provider() != wanted.provider():
			there, err := p.exists(ctx, mine)
			return &Declaration{Address: wanted.Address, Owner: wanted.Owner, Keys: wanted.Keys, Created: !there}, err
		case was.Owner != wanted.Owner:
			return nil, taken(*was)
		case was.provider() != wanted.provider():
			return nil, refusal{fmt.Errorf("the provider of %s cannot change from %s to %s, for that is another mailbox: take the resource out, deploy, and declare it anew",
				wanted.Address, was.provider(), wanted.provider())}
		}
		return was, nil
	})
	t.Resource.Claimed = t.Resource.Claimed || err == nil
	return err
}

func taken(by Declaration) error {
	return refusal{fmt.Errorf("%s is declared by another resource already, %s: take it out there and deploy that first; a resource with another logical id is another one",
		by.Address, by.Owner)}
}

func gone(d Declaration) error {
	return refusal{fmt.Errorf("the declaration of %s was taken away meanwhile", d.Address)}
}

// heldBack fails where the mailbox itself is not as it shall be, such as somebody's own, which nobody may work then.
func heldBack(left provision.Plan) error {
	for _, h := range left.Held {
		if h.Step.Fact.Aspect == provision.Existence {
			return refusal{fmt.Errorf("%s: %s", h.Step.What, h.Why)}
		}
	}
	return nil
}

// undeclare takes a resource's mailbox out of those that are worked. The mailbox itself stays, unless the resource says otherwise
// and has made it.
func (p *Provisioner) undeclare(ctx context.Context, t *task, e *resourceEvent) error {
	address := e.deleted()
	declared, err := loadDeclarations(ctx, p.Records)
	if err != nil {
		return err
	}
	was, ok := declared.find(address)
	if !ok || was.Owner != e.owner() {
		return nil // never made, or gone already, or somebody else's
	}
	if removal, _ := e.ResourceProperties["Removal"].(string); removal == "delete" && was.Created && !was.Kept {
		if err := p.remove(ctx, t, e, was); err != nil {
			return err
		}
	}
	return changeDeclarations(ctx, p.Records, func(list []Declaration) ([]Declaration, error) {
		return slices.DeleteFunc(list, func(d Declaration) bool { return d.Owner == was.Owner && (d.Address == address || !d.Worked) }), nil
	})
}

// remove deletes a mailbox at its provider.
func (p *Provisioner) remove(ctx context.Context, t *task, e *resourceEvent, was Declaration) error {
	// First it is not worked any more, so that nobody looks for it.
	err := changeDeclaration(ctx, p.Records, was.Address, func(now *Declaration) (*Declaration, error) {
		if now != nil && now.Owner == was.Owner {
			now.Worked = false
		}
		return now, nil
	})
	if err != nil {
		return err
	}
	w, err := p.wish(ctx)
	if err != nil {
		return err
	}
	if len(w.only(was.Address).want) > 0 {
		p.Log.WarnContext(ctx, "the mailbox is not deleted with its resource, for the manifest has it by now", "mailbox", was.Address)
		return nil
	}
	w.want = []provision.Mailbox{{Address: was.Address, Provider: was.provider()}} // without facts: it shall not be there
	if w.estate, err = p.Estate(w.manifest, w.want); err != nil {
		return err
	}
	_, err = p.bringAbout(ctx, t, e, w, true)
	return err
}
