package provision

import "io"

// Table writes the plan for a terminal, grouped by mailbox. Names in it cannot move the cursor or turn the direction of text.
func (p *Plan) Table(w io.Writer, colour bool) error { panic("being written") }

// Markdown writes the plan for a pull request. Names in it cannot become markup.
func (p *Plan) Markdown(w io.Writer) error { panic("being written") }
