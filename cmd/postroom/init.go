package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/mail"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/templates"
)

type initCommand struct {
	Config       string   `default:"postroom.yaml" help:"The manifest to write. It must not be there yet."`
	Organisation string   `placeholder:"NAME" help:"The organisation's name, as people say it."`
	Domain       []string `placeholder:"DOMAIN" help:"A mail domain of it; may be repeated."`
	Timezone     string   `placeholder:"ZONE" help:"The zone of its days, such as Europe/Copenhagen (default: this machine's)."`
	Provider     string   `enum:",m365,gmail" default:"" placeholder:"m365|gmail" help:"Where the mailboxes are: m365 for Microsoft 365, gmail for Google Workspace."`
	Mailbox      []string `placeholder:"KIND=ADDRESS" help:"A mailbox and what it is for: support, sales, invoices or jobs; may be repeated."`
	Member       []string `placeholder:"\"NAME <ADDRESS>\"" help:"A member of the team; may be repeated. The first one is the lead."`
	Yes          bool     `short:"y" help:"Do not ask for what is missing: take what is usual."`
}

// Help is shown below the flags.
func (c *initCommand) Help() string {
	return `What the flags do not say is asked for at a terminal. The manifest that is written has a comment at what there is to choose;
nothing else is written, and nothing is reached over the network.

Examples:
  postroom init
  postroom init --organisation Contoso --domain contoso.com --timezone Europe/Copenhagen --provider m365 \
      --mailbox support=support@contoso.com --mailbox jobs=jobs@contoso.com \
      --member "Anna Bergström <anna@contoso.com>" --member "Bo Lind <bo@contoso.com>"`
}

// Run asks for what is missing, and writes.
func (c *initCommand) Run(a *app) error {
	if _, err := os.Lstat(c.Config); err == nil {
		return fmt.Errorf("%s is there already: name another file with --config, or add to it by hand (docs/manifest.md)", c.Config)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := c.complete(a); err != nil {
		return err
	}
	start, err := c.start()
	if err != nil {
		return err
	}
	data, err := templates.Manifest(start)
	if err != nil {
		return err
	}
	m, err := manifest.Parse(c.Config, data)
	if err != nil { // a time zone, say, that is none
		return fmt.Errorf("that makes no manifest: %w", err)
	}
	err = createFile(c.Config, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		return err
	}
	config, file := "", ""
	if c.Config != "postroom.yaml" {
		config, file = " --config "+c.Config, " "+c.Config
	}
	fmt.Fprintf(a.stdout, "%s is written: %s, %s. Look it over; then:\n", c.Config,
		count(len(m.Mailboxes()), "mailbox", "mailboxes"), count(len(c.Member), "member", "members"))
	next := [][2]string{
		{"validate" + file, "check it"}, {"plan" + config + " --simulate", "what would be done, on simulated tenants"},
		{"apply" + config + " --simulate", "do it there"}, {"plan" + config, "what would be done on the real ones; docs/provisioning.md tells what they need"},
	}
	width := 0
	for _, n := range next {
		width = max(width, cells(n[0]))
	}
	for _, n := range next {
		if _, err := fmt.Fprintf(a.stdout, "  postroom %s  %s\n", pad(n[0], width), n[1]); err != nil {
			return err
		}
	}
	return nil
}

// complete asks for what the flags leave open, or takes what is usual.
func (c *initCommand) complete(a *app) error {
	q := &asking{app: a, ask: a.asks && !c.Yes, in: newLines(a.stdin)}
	one := func(list *[]string, question, usual string) {
		if len(*list) == 0 {
			if answer := q.text(question, usual); answer != "" {
				*list = []string{answer}
			}
		}
	}
	one(&c.Domain, "Mail domain of the organisation (contoso.com)", "")
	domain := ""
	if len(c.Domain) > 0 {
		domain = c.Domain[0]
	}
	if c.Organisation == "" {
		c.Organisation = q.text("Its name, as people say it", organisationOf(domain))
	}
	if c.Timezone == "" {
		c.Timezone = q.text("Time zone of its days", machineZone(a.env))
	}
	if c.Provider == "" {
		c.Provider = q.text("Where the mailboxes are: m365 (Microsoft 365) or gmail (Google Workspace)", string(manifest.M365))
	}
	if len(c.Mailbox) == 0 {
		c.Mailbox = q.texts("A mailbox and what it is for, KIND=ADDRESS, of the kinds "+strings.Join(templates.Kinds(), ", "), domainful("support=support@", domain))
	}
	if len(c.Member) == 0 {
		c.Member = q.texts("A member of the team, NAME <ADDRESS>; the first one is the lead", "")
	}
	var missing []string
	for _, f := range []struct {
		flag string
		has  bool
	}{{"--domain", len(c.Domain) > 0}, {"--organisation", c.Organisation != ""}, {"--mailbox", len(c.Mailbox) > 0}, {"--member", len(c.Member) > 0}} {
		if !f.has {
			missing = append(missing, f.flag)
		}
	}
	if q.err != nil {
		return q.err
	}
	if len(missing) > 0 {
		return fmt.Errorf("it is not known yet: say %s", strings.Join(missing, ", "))
	}
	return nil
}

func domainful(prefix, domain string) string {
	if domain == "" {
		return ""
	}
	return prefix + domain
}

// organisationOf makes a name of a domain: contoso.com is Contoso's.
func organisationOf(domain string) string {
	name, _, _ := strings.Cut(domain, ".")
	first, size := utf8.DecodeRuneInString(name)
	if size == 0 {
		return ""
	}
	return string(unicode.ToTitle(first)) + name[size:]
}

// machineZone is the IANA name of this machine's time zone, as far as it tells.
func machineZone(env func(string) string) string {
	if zone := env("TZ"); zone != "" {
		if _, err := time.LoadLocation(zone); err == nil && zone != "Local" {
			return zone
		}
	}
	if target, err := os.Readlink("/etc/localtime"); err == nil {
		if _, zone, ok := strings.Cut(target, "zoneinfo/"); ok {
			if _, err := time.LoadLocation(zone); err == nil {
				return zone
			}
		}
	}
	return "UTC"
}

// start is what the template is made with.
func (c *initCommand) start() (templates.Start, error) {
	s := templates.Start{Organisation: c.Organisation, Domains: c.Domain, Timezone: c.Timezone, Provider: c.Provider}
	if c.Provider != string(manifest.M365) && c.Provider != string(manifest.Gmail) {
		return s, fmt.Errorf("the provider %q: write m365 or gmail", printable(c.Provider, 60))
	}
	for _, text := range c.Mailbox {
		kind, address, ok := strings.Cut(text, "=")
		if !ok {
			address = text
			kind = kindOf(address)
		}
		if !slices.Contains(templates.Kinds(), kind) {
			return s, fmt.Errorf("--mailbox %s: the kinds are %s", printable(text, maxShown), strings.Join(templates.Kinds(), ", "))
		}
		if !plainAddress(address) {
			return s, fmt.Errorf("--mailbox %s: write KIND=ADDRESS, as in support=support@contoso.com", printable(text, maxShown))
		}
		s.Mailboxes = append(s.Mailboxes, templates.Mailbox{Kind: kind, Address: strings.ToLower(address)})
	}
	for _, text := range c.Member {
		who, err := mail.ParseAddress(text)
		if err != nil || who.Name == "" || !plainAddress(who.Address) {
			return s, fmt.Errorf("--member %s: write \"NAME <ADDRESS>\", as in \"Anna Bergström <anna@contoso.com>\"", printable(text, maxShown))
		}
		s.Members = append(s.Members, templates.Member{Name: who.Name, Email: strings.ToLower(who.Address)})
	}
	return s, nil
}

// kindOf is what a mailbox is for by the name that it has.
func kindOf(address string) string {
	local, _, _ := strings.Cut(address, "@")
	for _, kind := range templates.Kinds() {
		if strings.HasPrefix(kind, strings.ToLower(local)) {
			return kind
		}
	}
	return "support"
}

// plainAddress reports whether s is an address and nothing else.
func plainAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s && strings.Contains(s, "@")
}

// asking asks somebody at a terminal, or takes what is usual.
type asking struct {
	app *app
	ask bool
	in  *lines
	err error
}

var errUnanswered = errors.New("nothing was written: the questions were not answered")

// text asks for one thing. An empty answer takes what is usual.
func (q *asking) text(question, usual string) string {
	if !q.ask || q.err != nil {
		return usual
	}
	if usual != "" {
		question += " [" + usual + "]"
	}
	fmt.Fprintf(q.app.stdout, "%s: ", question)
	answer, err := q.in.next()
	if err != nil {
		q.err = cmp.Or(q.app.ctx.Err(), errUnanswered)
		return ""
	}
	return cmp.Or(answer, usual)
}

// texts asks until there is an empty answer.
func (q *asking) texts(question, usual string) (all []string) {
	for q.err == nil {
		answer := q.text(question, usual)
		if answer == "" {
			return all
		}
		all = append(all, answer)
		if !q.ask {
			return all
		}
		question, usual = "Another one, or nothing", ""
	}
	return all
}

// lines reads what somebody types, a line at a time.
type lines struct{ in *bufio.Reader }

func newLines(r io.Reader) *lines {
	if r == nil {
		r = strings.NewReader("")
	}
	return &lines{bufio.NewReader(r)}
}

func (l *lines) next() (string, error) {
	s, err := l.in.ReadString('\n')
	if s = strings.TrimSpace(s); s != "" {
		return s, nil
	}
	return "", err
}
