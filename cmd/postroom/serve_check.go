package main

import (
	"errors"
	"fmt"
)

// Validate is asked while the command line is read.
func (c *serveCommand) Validate() error {
	switch {
	case c.Workers < 1:
		return fmt.Errorf("--workers %d: at least one mailbox has to be worked at a time", c.Workers)
	case c.Poll <= 0:
		return fmt.Errorf("--poll %v: how often is a time above 0, such as 30s", c.Poll)
	case c.Simulate && (c.GraphURL != "" || c.GmailURL != ""):
		return errors.New("--simulate simulates in this process: leave --graph-url and --gmail-url out")
	}
	return nil
}
