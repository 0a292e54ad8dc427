package main

import "errors"

type demoCommand struct{}

func (c *demoCommand) Run(a *app) error { return errors.New("not there yet") }
