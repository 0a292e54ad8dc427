package main

import "github.com/postroom/postroom/core/manifest"

type schemaCommand struct{}

// Help is shown below the flags.
func (c *schemaCommand) Help() string {
	return `Editors complete and check a manifest by its schema. In an editor that uses yaml-language-server, begin
postroom.yaml with the comment
  # yaml-language-server: $schema=postroom.schema.json

Example:
  postroom schema > postroom.schema.json`
}

// Run prints the schema.
func (c *schemaCommand) Run(a *app) error {
	_, err := a.stdout.Write(manifest.Schema())
	return err
}
