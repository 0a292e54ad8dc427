package main

import "errors"

type simulateCommand struct{}

func (c *simulateCommand) Run(a *app) error { return errors.New("not there yet") }
