package gmail

import (
	api "google.golang.org/api/gmail/v1"
)

type colour struct{ background, text string }

const (
	black = "#000000"
	white = "#ffffff"
)

// colours maps the names of inbox.Style to Gmail's palette. Gmail takes these values only, wants both of them, and has
// 113 ("Label", color, in the API reference). The text is black or white, whichever is easier to read.
var colours = map[string]colour{
	"red":            {"#fb4c2f", black},
	"orange":         {"#ff7537", black},
	"brown":          {"#a46a21", black},
	"yellow":         {"#fad165", black},
	"green":          {"#16a766", black},
	"teal":           {"#2da2bb", black},
	"olive":          {"#aa8831", black},
	"blue":           {"#4a86e8", black},
	"purple":         {"#a479e2", black},
	"cranberry":      {"#b65775", white},
	"steel":          {"#b6cff5", black},
	"dark-steel":     {"#0d3472", white},
	"gray":           {"#cccccc", black},
	"dark-gray":      {"#666666", white},
	"black":          {"#000000", white},
	"dark-red":       {"#822111", white},
	"dark-orange":    {"#cf8933", black},
	"dark-brown":     {"#7a4706", white},
	"dark-yellow":    {"#d5ae49", black},
	"dark-green":     {"#076239", white},
	"dark-teal":      {"#0d3b44", white},
	"dark-olive":     {"#594c05", white},
	"dark-blue":      {"#1c4587", white},
	"dark-purple":    {"#41236d", white},
	"dark-cranberry": {"#83334c", white},
}

// apiColour is nil for no colour and for a name that is none of Postroom's.
func apiColour(name string) *api.LabelColor {
	c, ok := colours[name]
	if !ok {
		return nil
	}
	return &api.LabelColor{BackgroundColor: c.background, TextColor: c.text}
}
