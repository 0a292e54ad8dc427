package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of the file. They keep the YAML parser, which recurses and does not bound itself, from being made to work for
// long or to run out of stack.
const (
	MaxBytes    = 4 << 20 // of the file, and of all that is declared elsewhere
	maxLine     = 4000    // bytes
	maxBrackets = 32      // deep
	maxKeys     = 6000    // of one mapping written line by line; the parser's work grows with their square
	maxItems    = 100_000 // of all lists; its work grows with the square of empty ones
	maxTokens   = 1_000_000
)

// spot is a place in the file, both from 1; the zero spot is unknown. Of what is declared elsewhere, source is its number
// from 1, and line that of the value in it.
type spot struct{ line, column, source int }

// readYAML gives the root of the one document in data, nil where there is something wrong.
func readYAML(data []byte, p *problems) ast.Node {
	if len(data) > MaxBytes {
		p.add(spot{line: 1, column: 1}, fmt.Sprintf("the file has %d bytes", len(data)), fmt.Sprintf("at most %d are read", MaxBytes))
		return nil
	}
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	p.lines = strings.Split(text, "\n")
	for i, line := range p.lines {
		switch {
		case !utf8.ValidString(line):
			p.add(spot{line: i + 1, column: 1 + utf8.RuneCountInString(line[:invalidAt(line)])}, "this is not UTF-8", "save the file as UTF-8")
			return nil
		case len(line) > maxLine:
			p.add(spot{line: i + 1, column: maxLine}, "the line is too long", fmt.Sprintf("at most %d bytes fit one line; write lists one item a line", maxLine))
			return nil
		case strings.ContainsRune(line, 0) || strings.ContainsRune(line, '\r'):
			p.add(spot{line: i + 1, column: 1 + strings.IndexAny(line, "\x00\r")}, "there is a control character in this line", "take it out")
			return nil
		}
	}
	file, err := parse(text, p)
	if err != nil {
		var syntax yaml.Error
		at, message := spot{line: 1, column: 1}, err.Error()
		if errors.As(err, &syntax) {
			at, message = tokenSpot(syntax.GetToken()), syntax.GetMessage()
		}
		p.add(at, "this is not YAML: "+message, p.syntaxFix(at))
		return nil
	}
	if file == nil {
		return nil
	}
	var root ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		if root != nil {
			p.add(tokenSpot(doc.Body.GetToken()), "there is more than one document in the file", "take out the line with ---")
			return nil
		}
		root = doc.Body
	}
	if root == nil {
		p.add(spot{line: 1, column: 1}, "the file is empty", `begin with "version: 1"`)
	}
	return root
}

// parse runs the YAML parser. A panic in it is a fault of that parser which some strange file brings out; for the one who
// wrote the file it is a file that cannot be read.
func parse(text string, p *problems) (file *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			file, err = nil, errors.New("it cannot be read")
		}
	}()
	tokens := lexer.Tokenize(text)
	if len(tokens) > maxTokens {
		p.add(tokenSpot(tokens[maxTokens]), "there is too much in this file", "take out what is not needed any more")
		return nil, nil
	}
	depth, items, keys := 0, 0, keyCount{}
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceEntryType:
			if items++; items > maxItems {
				p.add(tokenSpot(t), "there are too many list items in this file", fmt.Sprintf("at most %d are read", maxItems))
				return nil, nil
			}
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.AliasType:
			p.add(tokenSpot(t), "a text that begins with * needs quotes", `write "*@contoso.com"; if an alias was meant, write the value out, for aliases are not read`)
			return nil, nil
		case token.AnchorType, token.MergeKeyType:
			p.add(tokenSpot(t), "anchors and merge keys are not read", "write the value out in each place; quote a text that begins with &")
			return nil, nil
		case token.TagType:
			p.add(tokenSpot(t), "YAML tags are not read", "take it out; quote a text that begins with !")
			return nil, nil
		case token.MappingKeyType:
			p.add(tokenSpot(t), "keys that begin with ? are not read", "write key: value; quote a text that begins with ?")
			return nil, nil
		case token.MappingValueType:
			if depth == 0 && t.Prev != nil && keys.add(t.Prev.Position.Column) > maxKeys {
				p.add(tokenSpot(t.Prev), "there are too many keys beside one another", fmt.Sprintf("at most %d are read", maxKeys))
				return nil, nil
			}
		case token.DirectiveType:
			p.add(tokenSpot(t), "YAML directives are not read", "take it out; quote a text that begins with %")
			return nil, nil
		}
		if depth > maxBrackets {
			p.add(tokenSpot(t), "there are too many brackets inside one another", "")
			return nil, nil
		}
	}
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// keyCount counts the keys of each mapping that is open, by their columns.
type keyCount []struct{ column, n int }

// add counts a key at column and gives how many its mapping has.
func (k *keyCount) add(column int) int {
	open := *k
	for len(open) > 0 && open[len(open)-1].column > column {
		open = open[:len(open)-1]
	}
	if len(open) == 0 || open[len(open)-1].column < column {
		open = append(open, struct{ column, n int }{column, 0})
	}
	top := &open[len(open)-1]
	top.n++
	*k = open
	return top.n
}

// syntaxFix guesses what went wrong around a place where the file is no YAML.
func (p *problems) syntaxFix(at spot) string {
	for n := at.line; n >= max(1, at.line-1) && n <= len(p.lines); n-- {
		line := p.lines[n-1]
		trimmed := strings.TrimSpace(line)
		_, value, _ := strings.Cut(trimmed, ": ")
		switch {
		case strings.HasPrefix(line, "\t") || strings.HasPrefix(strings.TrimLeft(line, " "), "\t"):
			return "indent with spaces, not with tabs"
		case strings.HasPrefix(strings.TrimSpace(value), ">") || strings.HasPrefix(trimmed, "- >") || strings.Contains(line, "{size: >"):
			return `put quotes around it: "> 5MB"`
		case strings.HasPrefix(value, "*") || strings.HasPrefix(trimmed, "- *"):
			return `put quotes around it: "*@contoso.com"`
		case strings.HasPrefix(value, "@") || strings.HasPrefix(value, "`") || strings.HasPrefix(trimmed, "- @"):
			return `put quotes around it: "@contoso.com"`
		}
	}
	return "look at the indentation, and put quotes around texts with : # @ * & ! > | { } [ ] in them"
}

func tokenSpot(t *token.Token) spot {
	if t == nil || t.Position == nil {
		return spot{}
	}
	return spot{line: t.Position.Line, column: t.Position.Column}
}

func invalidAt(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
		}
	}
	return len(s)
}
