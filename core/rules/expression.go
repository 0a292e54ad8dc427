package rules

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"github.com/postroom/postroom/core/inbox"
)

// Limits of one expression. With one level of any, all, count … and with constant regular expressions of bounded size,
// its cost grows linearly with the message.
const (
	maxNodes  = 300
	maxMemory = 100_000 // the elements an expression may make while it runs
	maxRegexp = 500     // instructions of one regular expression
	maxLevels = 1       // levels of any, all, count …
)

// Expression is what an "if" can see. The language is that of expr-lang.org: and, or, not, ==, !=, <, >, in, contains,
// startsWith, endsWith, matches (a constant regular expression), ?:, and the functions all, any, none, one, count, filter,
// len, first, last, lower, upper, trim, hasPrefix, hasSuffix, indexOf, split, int, and fold (letter case and
// accents taken away, as the other conditions compare). There is no clock, no environment and nothing random, so an
// expression always says the same of the same message. Texts are as in the mail; addresses are in lower case.
type Expression struct {
	Message *Message `expr:"message"`
}

// Message is the message as an expression sees it.
type Message struct {
	From, Sender Person
	To, Cc       []Person
	Subject      string
	Body         string // text; its beginning only where it is long
	Attachments  []Attachment
	Size         int // bytes, 0 where unknown

	header []inbox.Field
}

// Person is somebody on the message.
type Person struct {
	Name    string
	Address string
	Domain  string
}

// Attachment is an attachment.
type Attachment struct {
	Name string
	Type string // media type in lower case, such as application/pdf
	Size int    // bytes, 0 where unknown
}

// Header is the value of the first header field of that name, letter case ignored; "" where there is none.
func (s *Message) Header(name string) string {
	for _, f := range s.header {
		if strings.EqualFold(f.Name, name) {
			return clip(f.Value, maxText)
		}
	}
	return ""
}

func newMessage(m *inbox.Message) *Message {
	one := func(p inbox.Person) Person {
		return Person{Name: p.Name, Address: string(p.Address), Domain: p.Address.Domain()}
	}
	many := func(list []inbox.Person) []Person {
		out := make([]Person, min(len(list), maxPeople))
		for i := range out {
			out[i] = one(list[i])
		}
		return out
	}
	s := &Message{From: one(m.From), Sender: one(m.Sender), To: many(m.To), Cc: many(m.Cc), Subject: clip(m.Subject, maxText),
		Body: clip(m.Body, maxText), Size: int(m.Size), header: m.Header}
	for _, a := range m.Attachments[:min(len(m.Attachments), maxParts)] {
		s.Attachments = append(s.Attachments, Attachment{Name: a.Name, Type: a.Type, Size: int(a.Size)})
	}
	return s
}

var (
	predicates = []string{"all", "any", "none", "one", "count", "filter"}
	functions  = []string{"len", "first", "last", "lower", "upper", "trim", "hasPrefix", "hasSuffix", "indexOf", "split", "int"}
)

// condition is a compiled expression.
type condition struct {
	source  string
	program *vm.Program
	needs   Needs
	headers []string
}

func compileExpression(source string) (*condition, *Error) {
	if len(source) > MaxExpression {
		return nil, &Error{Text: "the expression is too long", Fix: fmt.Sprintf("at most %d bytes fit", MaxExpression)}
	}
	// The tree is looked at before anything is computed from it: the optimizer would already build 1..1000000000.
	tree, err := parser.Parse(source)
	if err != nil {
		return nil, expressionError(err)
	}
	in := &inspector{}
	in.walk(tree.Node, 0)
	if in.fault != nil {
		f := &file.Error{Location: in.fault.node.Location(), Message: in.fault.text}
		e := expressionError(f.Bind(tree.Source))
		e.Fix = in.fault.fix
		return nil, e
	}
	options := []expr.Option{
		expr.Env(Expression{}), expr.AsBool(), expr.MaxNodes(maxNodes), expr.DisableAllBuiltins(),
		expr.Function("fold", func(args ...any) (any, error) { return Fold(args[0].(string)), nil }, new(func(string) string)),
	}
	for _, name := range slices.Concat(predicates, functions) {
		options = append(options, expr.EnableBuiltin(name))
	}
	program, err := expr.Compile(source, options...)
	if err != nil {
		return nil, expressionError(err)
	}
	return &condition{source: source, program: program, needs: in.needs(), headers: in.headers}, nil
}

func expressionError(err error) *Error {
	var f *file.Error
	if errors.As(err, &f) {
		text := plainTypes.Replace(f.Message)
		fix := ""
		for _, known := range knownNames {
			if strings.HasPrefix(text, known.said) {
				fix = known.fix
			}
		}
		return &Error{Line: f.Line, Column: f.Column + 1, Text: text, Fix: fix}
	}
	return &Error{Text: err.Error()}
}

// plainTypes takes the names of Go out of what the type checker says.
var plainTypes = strings.NewReplacer(
	"type rules.Message", "message", "type *rules.Message", "message", "type rules.Person", "a person", "type rules.Attachment", "an attachment",
	"[]rules.Person", "list of persons", "[]rules.Attachment", "list of attachments", "rules.Person", "person", "rules.Attachment", "attachment",
	"rules.Message", "message",
)

// knownNames says what there is, when something else was asked for.
var knownNames = []struct{ said, fix string }{
	{"message has no ", `a message has From, Sender, To, Cc, Subject, Body, Attachments, Size and Header("name")`},
	{"a person has no ", "a person has Name, Address and Domain"},
	{"an attachment has no ", "an attachment has Name, Type and Size"},
	{"unknown name ", "what is known of the mail begins with message, as in message.Subject; texts need quotes"},
	{"cannot get ", "the result must be true or false: compare with ==, <, > or contains"},
	{"expected bool", "the result must be true or false: compare with ==, <, > or contains"},
}

// holds runs the expression. An error means that it could not be told.
func (c *condition) holds(r *reading) (bool, error) {
	if r.seen == nil {
		r.seen = newMessage(r.m)
	}
	machine := vm.VM{MemoryBudget: maxMemory}
	out, err := machine.Run(c.program, Expression{Message: r.seen})
	if err != nil {
		return false, err
	}
	yes, ok := out.(bool)
	if !ok {
		return false, fmt.Errorf("the expression gave %T, not true or false", out)
	}
	return yes, nil
}

// inspector refuses what an expression must not do and finds what it reads.
type inspector struct {
	fault   *fault
	uses    map[string]bool
	headers []string // names of header fields
	whole   bool     // the message is handed on as a whole, so anything of it may be read
	nodes   int
}

type fault struct {
	node      ast.Node
	text, fix string
}

func (in *inspector) needs() Needs {
	return Needs{
		Body:        in.whole || in.uses["Body"],
		Attachments: in.whole || in.uses["Attachments"],
		Size:        in.whole || in.uses["Size"],
	}
}

func (in *inspector) refuse(n ast.Node, text, fix string) {
	if in.fault == nil {
		in.fault = &fault{n, text, fix}
	}
}

// walk visits n inside so many levels of any, all, count ….
func (in *inspector) walk(n ast.Node, level int) {
	if n == nil || in.fault != nil {
		return
	}
	if in.nodes++; in.nodes > maxNodes {
		in.refuse(n, "the expression is too large", "split the rule in two")
		return
	}
	switch n := n.(type) {
	case *ast.IdentifierNode:
		switch n.Value {
		case "message":
			in.whole = true
		case "$env":
			in.refuse(n, "$env is not available", "write message")
		}
		return
	case *ast.MemberNode:
		base, isName := n.Node.(*ast.IdentifierNode)
		field, isField := n.Property.(*ast.StringNode)
		if isName && isField && base.Value == "message" {
			if in.uses == nil {
				in.uses = make(map[string]bool)
			}
			in.uses[field.Value] = true
			in.nodes += 2
			return
		}
	case *ast.CallNode:
		// The only thing to call is message.Header(name).
		for _, arg := range n.Arguments {
			if name, ok := arg.(*ast.StringNode); ok {
				in.headers = append(in.headers, name.Value)
			} else {
				in.whole = true // any field may be asked for
			}
		}
	case *ast.BuiltinNode:
		if slices.Contains(predicates, n.Name) {
			if level++; level > maxLevels {
				in.refuse(n, n.Name+" inside another any, all, count … is not allowed", "use two rules, or compare with a list: .Domain in [\"a.com\", \"b.com\"]")
			}
		} else if !slices.Contains(functions, n.Name) {
			in.refuse(n, "the function "+n.Name+" is not available", "there are "+strings.Join(slices.Concat(predicates, functions), ", ")+" and fold")
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "..":
			in.refuse(n, "ranges are not available", "compare with < and >")
		case "matches":
			in.regexp(n.Right)
		}
	}
	parts, known := children(n)
	if !known {
		in.refuse(n, "this is not available", "")
	}
	for _, child := range parts {
		in.walk(child, level)
	}
}

func (in *inspector) regexp(n ast.Node) {
	s, ok := n.(*ast.StringNode)
	if !ok {
		in.refuse(n, "matches needs a constant regular expression", `write it as a text: message.Subject matches "^INV-[0-9]+"`)
		return
	}
	re, err := syntax.Parse(s.Value, syntax.Perl)
	if err != nil {
		in.refuse(n, strings.TrimPrefix(err.Error(), "error parsing regexp: "), "see the syntax at pkg.go.dev/regexp/syntax")
		return
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil || len(prog.Inst) > maxRegexp {
		in.refuse(n, "the regular expression is too large", "use smaller repeat counts")
	}
}

// children are the direct parts of n. A kind of node that this version of the language does not have is not known.
func children(n ast.Node) (parts []ast.Node, known bool) {
	switch n := n.(type) {
	case *ast.NilNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode, *ast.ConstantNode, *ast.PointerNode:
	case *ast.UnaryNode:
		parts = []ast.Node{n.Node}
	case *ast.BinaryNode:
		parts = []ast.Node{n.Left, n.Right}
	case *ast.ChainNode:
		parts = []ast.Node{n.Node}
	case *ast.MemberNode:
		parts = []ast.Node{n.Node, n.Property}
	case *ast.SliceNode:
		parts = []ast.Node{n.Node, n.From, n.To}
	case *ast.CallNode:
		parts = append([]ast.Node{n.Callee}, n.Arguments...)
	case *ast.BuiltinNode:
		parts = n.Arguments
	case *ast.PredicateNode:
		parts = []ast.Node{n.Node}
	case *ast.VariableDeclaratorNode:
		parts = []ast.Node{n.Value, n.Expr}
	case *ast.SequenceNode:
		parts = n.Nodes
	case *ast.ConditionalNode:
		parts = []ast.Node{n.Cond, n.Exp1, n.Exp2}
	case *ast.ArrayNode:
		parts = n.Nodes
	case *ast.MapNode:
		parts = n.Pairs
	case *ast.PairNode:
		parts = []ast.Node{n.Key, n.Value}
	default:
		return nil, false
	}
	return parts, true
}
