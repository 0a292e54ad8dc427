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
// A []string may be one text instead of a list. A list of named values is a mapping, in the order of the file. A struct
// with a method short may be written as what stands for that field alone.

type document struct {
	Version      int            `yaml:"version" need:"yes" enum:"1" doc:"The version of this file's shape. This is version 1."`
	Organisation organisation   `yaml:"organisation" need:"yes" doc:"The organisation whose team this is."`
	Members      named[member]  `yaml:"members" need:"yes" doc:"The people of the team. The key is the name that the rest of the file and the timeline use for them."`
	Mailboxes    named[mailbox] `yaml:"mailboxes" need:"yes" doc:"The shared mailboxes. The key is the address. Postroom never reads or writes any other."`
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
	Provider string     `yaml:"provider" need:"yes" enum:"m365,gmail" doc:"Where the mailbox is: m365 for Microsoft 365, gmail for Google Workspace."`
	Name     string     `yaml:"name" doc:"The name that customers see. Without it, the address."`
	Aliases  []string   `yaml:"aliases" doc:"Other addresses whose mail arrives in this mailbox."`
	Agents   []string   `yaml:"agents" doc:"The members who answer."`
	Leads    []string   `yaml:"leads" doc:"The members who get what nobody else can take."`
	Assign   assignment `yaml:"assign" doc:"How conversations find their owner."`
	Tags     named[tag] `yaml:"tags" doc:"The tags that rules and people put on conversations: a name and its colour."`
	Rules    []rule     `yaml:"rules" doc:"What to do with mail that arrives, tried in this order."`
	Markers  markers    `yaml:"markers" doc:"The categories or labels that show whose a conversation is and how it stands."`
	Archive  *bool      `yaml:"close-by-archiving" doc:"Whether moving a mail to the archive closes its conversation. True unless said otherwise."`
	Folders  []string   `yaml:"folders" doc:"Further folders to watch, by the name they have under the mailbox (Microsoft 365 only)."`
	Backlog  string     `yaml:"backlog" pattern:"^(ignore|register|triage (unread|all|since [0-9]{4}-[0-9]{2}-[0-9]{2}))$" doc:"What becomes of mail that was there before Postroom: ignore, register (so unless said otherwise), triage since 2026-10-01, triage unread, or triage all. What is triaged and in the inbox is work; the rest is registered, which tells nobody."`
}

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
