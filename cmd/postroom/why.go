package main

import "errors"

type whyCommand struct{}

func (c *whyCommand) Run(a *app) error { return errors.New("not there yet") }
