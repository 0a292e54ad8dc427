package main

import "errors"

type validateCommand struct{}

func (c *validateCommand) Run(a *app) error { return errors.New("not there yet") }
