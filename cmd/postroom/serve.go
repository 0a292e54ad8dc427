package main

import "errors"

type serveCommand struct{}

func (c *serveCommand) Run(a *app) error { return errors.New("not there yet") }
