package main

import "errors"

type statusCommand struct{}

func (c *statusCommand) Run(a *app) error { return errors.New("not there yet") }
