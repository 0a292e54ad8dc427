package manifest

// The types below are the shape of postroom.yaml. Parse decodes into them and Schema describes them, both by their tags,
// so what one accepts the other completes:
//
//	yaml    the key
//	doc     what it means, shown by editors
//	need    the key must be there
//	enum    the only texts allowed
//	scalar  numbers and true/false are taken as the text they are written as
//	min     the least number
//	pattern what the text looks like, for the schema alone
//
// A []string may be one text instead of a list. A list of named values is a mapping, in the order of the file; enum there
// is of its values. A struct with a method short may be written as what stands for that field alone, which has no key where
// it can be written in no other way.

type document struct {
	Version      int            `yaml:"version" need:"yes" enum:"1" doc:"The version of this file's shape. This is version 1."`
	Organisation organisation   `yaml:"organisation" need:"yes" doc:"The organisation whose team this is."`
	Members      named[member]  `yaml:"members" need:"yes" doc:"The people of the team. The key is the name that the rest of the file and the timeline use for them."`
	Mailboxes    named[mailbox] `yaml:"mailboxes" need:"yes" doc:"The shared mailboxes. The key is the address. Postroom never reads or writes any other."`
	M365         m365           `yaml:"m365" doc:"How the app and its reach are set up in Microsoft 365. Without app, plan leaves both alone."`
	Google       google         `yaml:"google" doc:"What new accounts get in Google Workspace."`
	Retired      named[retiree] `yaml:"retired" doc:"Mailboxes that are not used any more, by their address."`
}

type m365 struct {
	App       string `yaml:"app" pattern:"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$" doc:"The application id of the app that works the mail."`
	Principal string `yaml:"principal" pattern:"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$" doc:"The app's object id as Enterprise applications shows it (not the one of App registrations)."`
	Scope     string `yaml:"scope" doc:"The name of the management scope that limits the app to the declared mailboxes. Postroom unless said otherwise."`
	Mark      string `yaml:"mark" pattern:"^CustomAttribute([1-9]|1[0-5])$" doc:"The attribute of a mailbox that holds the scope's name where the app may reach it. CustomAttribute15 unless said otherwise."`
	Control   string `yaml:"control" doc:"The address of a mailbox that the app must be refused by. doctor tries it."`
}

type google struct {
	OrgUnit string `yaml:"org-unit" doc:"The path of the organisational unit that new accounts are made in, such as /Shared mailboxes."`
	Licence string `yaml:"licence" doc:"The licence that new accounts get: business-starter, business-standard, business-plus, enterprise-standard, enterprise-plus, frontline-starter, frontline-standard, frontline-plus, or product/SKU as in Google-Apps/1010020027."`
	Control string `yaml:"control" doc:"The address of an account that Postroom must be refused by. doctor tries it."`
}

type retiree struct {
	Provider string `yaml:"provider" need:"yes" enum:"m365,gmail" doc:"Where the mailbox is."`
	Mailbox  string `yaml:"mailbox" need:"yes" enum:"keep,delete" doc:"keep: it stays as it is, out of the app's reach. delete: it is deleted with all that is in it."`
}

type organisation struct {
	Name     string   `yaml:"name" need:"yes" doc:"Its name, as people say it."`
	Domains  []string `yaml:"domains" need:"yes" doc:"Its mail domains. Mail from them is a colleague's, not a customer's."`
	Timezone string   `yaml:"timezone" need:"yes" doc:"The time zone of its days, such as Europe/Copenhagen (IANA name)."`
}

type member struct {
	Name   string   `yaml:"name" need:"yes" doc:"Full name, first name first."`
	Email  string   `yaml:"email" need:"yes" doc:"The person's own address."`
	Skills []string `yaml:"skills" doc:"What this member can do, in words that rules ask for."`
	Cap    int      `yaml:"cap" min:"1" doc:"The most open conversations at once, instead of the mailbox's cap."`
	Away   []absent `yaml:"away" doc:"When nothing is assigned to this member."`
	Marker string   `yaml:"marker" doc:"The category or label that means this member, instead of the one made by markers.member."`
	Color  string   `yaml:"color" enum:"color" doc:"The colour of the marker, instead of one chosen by Postroom."`
}

type absent struct {
	From  string `yaml:"from" need:"yes" doc:"The first day away, such as 2026-12-20." format:"date"`
	Until string `yaml:"until" need:"yes" doc:"The first day back, such as 2027-01-02." format:"date"`
}

type mailbox struct {
	Provider      string          `yaml:"provider" need:"yes" enum:"m365,gmail" doc:"Where the mailbox is: m365 for Microsoft 365, gmail for Google Workspace."`
	Name          string          `yaml:"name" doc:"The name that customers see. Without it, the address."`
	Aliases       []string        `yaml:"aliases" doc:"Other addresses whose mail arrives in this mailbox."`
	Agents        []string        `yaml:"agents" doc:"The members who answer."`
	Leads         []string        `yaml:"leads" doc:"The members who get what nobody else can take."`
	Readers       []string        `yaml:"readers" doc:"The members who see the mailbox and cannot answer (Microsoft 365 only)."`
	AnswerAs      string          `yaml:"answer-as" enum:"mailbox,member" doc:"Whose name answers bear: the mailbox's (Send As, so unless said otherwise) or the member's on behalf of the mailbox (Send on Behalf, Microsoft 365 only)."`
	AutoMap       *bool           `yaml:"auto-mapping" doc:"Whether the mailbox appears in the members' Outlook of itself. True unless said otherwise (Microsoft 365 only)."`
	Access        named[[]string] `yaml:"access" enum:"open,read,send-as,send-on-behalf,unmapped,none" doc:"Rights of people and groups who are no members here, by their address; or the rights of one who is, instead of those of the role."`
	Sent          sentCopies      `yaml:"sent-copies" doc:"Whether mail that members send is copied to the mailbox. True unless said otherwise (Microsoft 365 only)."`
	Language      string          `yaml:"language" doc:"The mailbox's language, such as da-DK (BCP 47)."`
	Timezone      string          `yaml:"timezone" doc:"The mailbox's time zone (IANA name, Microsoft 365 only). A new mailbox gets the organisation's."`
	Localise      bool            `yaml:"localised-folders" doc:"The default folders have names in the mailbox's language (Microsoft 365 only)."`
	Quota         string          `yaml:"quota" scalar:"yes" pattern:"^[0-9]+([.][0-9]+)? ?(GB|MB|KB|B)$" doc:"How much the mailbox holds, such as 49 GB (Microsoft 365 only)."`
	Hidden        *bool           `yaml:"hidden" doc:"Whether the address lists leave the mailbox out."`
	Reply         string          `yaml:"automatic-reply" enum:"off,keep" doc:"The mail system's own automatic reply. off: it is turned off, so unless said otherwise. keep: it stays as it is."`
	SignIn        string          `yaml:"sign-in" enum:"blocked,keep" doc:"Whether anybody can sign in as the mailbox itself. blocked: nobody, so unless said otherwise. keep: it stays as it is (Microsoft 365 only)."`
	Signature     string          `yaml:"signature" doc:"What is below each new mail, as HTML (Google Workspace only)."`
	Licence       string          `yaml:"licence" doc:"The licence. Google Workspace: as under google. Microsoft 365: assigned, which a mailbox over 50 GB needs."`
	OrgUnit       string          `yaml:"org-unit" doc:"The path of the account's organisational unit (Google Workspace only)."`
	Front         front           `yaml:"front" doc:"A group with Collaborative Inbox in front of the account, whose address customers write to (Google Workspace only)."`
	DelegateGroup string          `yaml:"delegate-group" doc:"A group that is the account's delegate in place of each member, where they are too many (Google Workspace only)."`
	Assign        assignment      `yaml:"assign" doc:"How conversations find their owner."`
	Tags          named[tag]      `yaml:"tags" doc:"The tags that rules and people put on conversations: a name and its colour."`
	Rules         []rule          `yaml:"rules" doc:"What to do with mail that arrives, tried in this order."`
	Markers       markers         `yaml:"markers" doc:"The categories or labels that show whose a conversation is and how it stands."`
	Archive       *bool           `yaml:"close-by-archiving" doc:"Whether moving a mail to the archive closes its conversation. True unless said otherwise."`
	Folders       []string        `yaml:"folders" doc:"Further folders to watch, by the name they have under the mailbox (Microsoft 365 only)."`
	Backlog       string          `yaml:"backlog" pattern:"^(ignore|register|triage (unread|all|since [0-9]{4}-[0-9]{2}-[0-9]{2}))$" doc:"What becomes of mail that was there before Postroom: ignore, register (so unless said otherwise), triage since 2026-10-01, triage unread, or triage all. What is triaged and in the inbox is work; the rest is registered, which tells nobody."`
}

type front struct {
	Group string `yaml:"group" need:"yes" doc:"The group's address."`
	Name  string `yaml:"name" doc:"The group's name. Without it a new group gets the mailbox's."`
}

func (front) short() string { return "Group" }

// sentCopies are either both alike, or each for itself.
type sentCopies struct {
	Both     *bool `yaml:""`
	As       *bool `yaml:"as" doc:"Mail sent as the mailbox."`
	OnBehalf *bool `yaml:"on-behalf" doc:"Mail sent on behalf of it."`
}

func (sentCopies) short() string { return "Both" }

type assignment struct {
	Strategy string `yaml:"strategy" enum:"manual,round-robin,least-loaded" doc:"manual: people take their work themselves. round-robin: in turn. least-loaded (so unless said otherwise): who has the fewest open conversations."`
	Cap      int    `yaml:"cap" min:"1" doc:"The most open conversations a member. Without it there is no cap."`
	Sticky   string `yaml:"sticky" doc:"A customer who wrote again within this time gets the same member, such as 14d. Without it, the strategy chooses." format:"duration"`
}

type tag struct {
	Color  string `yaml:"color" enum:"color" doc:"The colour of the category or label."`
	Marker string `yaml:"marker" doc:"The name of the category or label, where it is not the tag's own."`
}

func (tag) short() string { return "Color" }

type markers struct {
	Member  string  `yaml:"member" doc:"The pattern of a member's marker: {first} is the first name, {name} the whole, {id} the key. It is @{first} unless said otherwise; members who share it get the whole name."`
	Waiting *marker `yaml:"waiting" doc:"The marker of a conversation that waits for the customer; an empty text shows none. It is Waiting unless said otherwise."`
	Closed  *marker `yaml:"closed" doc:"The marker of a closed conversation; an empty text shows none. It is Closed unless said otherwise."`
	Prepare *bool   `yaml:"prepare" doc:"Whether plan and apply make the categories or labels. True unless said otherwise; with false the first sync makes them."`
}

type marker struct {
	Name  string `yaml:"name" need:"yes" doc:"The name of the category or label."`
	Color string `yaml:"color" enum:"color" doc:"Its colour."`
}

func (marker) short() string { return "Name" }

type rule struct {
	Name string `yaml:"name" doc:"What the rule is called wherever Postroom says why it did something."`
	When when   `yaml:"when" doc:"What a mail must be; all of it must hold. Without it the rule is for every mail."`
	Then then   `yaml:"then" need:"yes" doc:"What is done with it."`
}

type when struct {
	From       condition        `yaml:"from" doc:"Who wrote it: an address, a domain, or a pattern such as *@contoso.com."`
	To         condition        `yaml:"to" doc:"Who it is addressed to, or the alias it was delivered to."`
	Cc         condition        `yaml:"cc" doc:"Who gets a copy."`
	Subject    condition        `yaml:"subject" doc:"What the subject contains, or a pattern for all of it such as inv*."`
	Body       condition        `yaml:"body" doc:"What the text contains, or a pattern for one whole line of it."`
	Header     named[condition] `yaml:"header" doc:"What header fields contain, by their name; \"*\" is anything at all."`
	Attachment condition        `yaml:"attachment" doc:"A file name, an extension such as .pdf, or a media type such as image/*; \"*\" is any attachment."`
	Size       condition        `yaml:"size" doc:"How large the mail is, in quotes: \"> 5MB\", \"<= 200 KB\"; or over 5MB, under 10KB."`
	If         string           `yaml:"if" doc:"Anything else, as an expression: message.From.Domain in [\"fabrikam.com\", \"adatum.com\"]. The message has From, Sender, To, Cc (each with Name, Address, Domain), Subject, Body, Attachments (Name, Type, Size), Size and Header(\"name\")."`
}

type condition struct {
	Any []string `yaml:"any" scalar:"yes" doc:"One of these must hold."`
	Not []string `yaml:"not" scalar:"yes" doc:"None of these may hold."`
}

func (condition) short() string { return "Any" }

type then struct {
	Tag      []string `yaml:"tag" doc:"Tags to put on the conversation."`
	Priority string   `yaml:"priority" enum:"low,high,urgent" doc:"How urgent it is."`
	Assign   assignTo `yaml:"assign" doc:"Who gets it: a member, or how to choose one."`
	Stop     bool     `yaml:"stop" doc:"No later rule is tried."`
}

type assignTo struct {
	Member   string `yaml:"member" doc:"This member, as long as there is room."`
	Skill    string `yaml:"skill" doc:"A member with this skill."`
	Strategy string `yaml:"strategy" enum:"manual,round-robin,least-loaded" doc:"By this strategy instead of the mailbox's."`
}

func (assignTo) short() string { return "Member" }

// named is a mapping in the order of the file.
type named[T any] []entry[T]

type entry[T any] struct {
	Key   string
	Value T
}

// mapping marks named among the slices.
func (named[T]) mapping() {}

func (list named[T]) keys() []string {
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = e.Key
	}
	return out
}

// colors are the names that inbox.Style has.
var colors = []string{
	"red", "orange", "brown", "yellow", "green", "teal", "olive", "blue", "purple", "cranberry", "steel", "dark-steel", "gray", "dark-gray", "black",
	"dark-red", "dark-orange", "dark-brown", "dark-yellow", "dark-green", "dark-teal", "dark-olive", "dark-blue", "dark-purple", "dark-cranberry", "none",
}
