package workspacesim

import (
	"net/http"
	"slices"
	"strings"
)

type wireAlias struct {
	Kind         string `json:"kind"`
	ID           string `json:"id"`
	Etag         string `json:"etag"`
	PrimaryEmail string `json:"primaryEmail"`
	Alias        string `json:"alias"`
}

type wireAliasIn struct {
	Alias string `json:"alias"`
}

// maxAliases is the limit that Google documents; how it refuses more is not documented.
const maxAliases = 30

func (c *call) insertAlias() (any, error) {
	acc, err := c.account("userKey")
	if err != nil {
		return nil, err
	}
	var in wireAliasIn
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	alias := strings.ToLower(in.Alias)
	switch {
	case !c.settled(acc):
		return nil, incomplete
	case !strings.Contains(alias, "@") || strings.ContainsAny(alias, " <>"):
		return nil, bad("Invalid Input: alias_email")
	case !c.ours(alias):
		return nil, fail(404, "notFound", "Resource Not Found: domain")
	case c.taken(alias):
		return nil, duplicate
	case len(acc.aliases) >= maxAliases:
		return nil, fail(http.StatusForbidden, "limitExceeded", "Limit Exceeded: number of aliases")
	}
	acc.aliases = append(acc.aliases, alias)
	return wireAlias{Kind: "admin#directory#alias", ID: acc.id, Etag: `"alias"`, PrimaryEmail: acc.primary, Alias: alias}, nil
}

func (c *call) deleteAlias() (any, error) {
	acc, err := c.account("userKey")
	if err != nil {
		return nil, err
	}
	i := slices.Index(acc.aliases, strings.ToLower(c.vars["alias"]))
	if i < 0 {
		return nil, fail(404, "notFound", "Resource Not Found: resource_id")
	}
	acc.aliases = slices.Delete(acc.aliases, i, i+1)
	return nothing{}, nil
}
