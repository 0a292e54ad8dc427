package main

import "errors"

type schemaCommand struct{}

func (c *schemaCommand) Run(a *app) error { return errors.New("not there yet") }
