// Package dynamo keeps all state of Postroom in one DynamoDB table: the store, the watches, the timers, the journal and
// the lock of provisioning, and the deployment's own records. A write is durable when it returns. Any number of
// processes may use the table at once, and one that dies at any moment leaves no half of a unit.
//
// # The table
//
// An item has a partition key p and a sort key s, both text. A mailbox's data is one partition and its timers another,
// so mailboxes never meet, and a role can be held to a kind of partition by its keys (dynamodb:LeadingKeys).
//
//	p               s                                what
//	m#<mailbox>     a#<order>#<conversation>         nothing: the conversation has an action of that order (where t is full)
//	                c#<conversation>                 a conversation: n its seq, w its writes, v the rest
//	                e#<conversation>#<seq>           v: events in a row, up to that seq
//	                g#<conversation>#<page>          v: the states of 16 messages; w its writes
//	                h#<hash of address>              m who handled the customer, a when
//	                i#<hash of message id>           a message: c its conversation, n its number in that
//	                o#<opened>#<conversation>        nothing: the conversation overflows
//	                p                                the progress: n its version, k which call wrote it, v the rest
//	                t                                the team: o:<member> open work, f overflow, l who was last, and
//	                                                 q conversations that may have pending actions, z that some are in a#
//	                u#<hash of thread>#<conv.>       nothing: the conversation began in that thread
//	                x#<conversation>#<n>             v: older actions that nobody has settled; w its writes
//	j#<mailbox>     e#<at>#<order>                   v: an entry of the journal of provisioning; the tenant's without a mailbox
//	                k#<hash of key and stage>        nothing: that entry is there
//	l#provision     l                                the lock of provisioning: h who has it, n until when, in nanoseconds
//	t#<mailbox>     n#<name>                         a timer: d its shard, t when it is due, in milliseconds
//	                w#<watch id>                     nothing: the watch is of that mailbox
//	w#<watch id>    w                                a watch: c its mailbox, v the rest
//	z#<name>        z                                a record: n its version, k which call wrote it, v what it says
//
// The one index, "due", has d as its partition and t as its sort key, and holds timers only, for nothing else has these
// attributes. Numbers in keys have a fixed width, and times are hexadecimal with the sign bit turned, so that both sort.
// What strangers or providers choose and nothing has to sort by is in a key as the beginning of its SHA-256. A value v is
// JSON, deflated with a dictionary of what most values say, behind a byte that is its format (see value.go).
//
// The conversation's own item is all that deciding about a mail needs: with its newest events, the states of its newest
// messages, and the actions that are pending. What is old moves on when the item would grow beyond a KB (see layout.go).
//
// # Who reads and writes what
//
//	read the changes      p, t, q's c#; for each message i#, and its c#; u# of its thread, and those c#; h#
//	commit                one transaction for as many units as it holds: c#, i# for each message that joins, t, and where
//	                      that changes h#, o#, e#, g#, x#, a#; the u# of a new conversation is put before
//	apply, settle         t, c#, i#; then one put of c#, after one of each g# that changes
//	an idle mailbox       p and t, twice
//	verify a notification w#<watch id> only
//	each minute           the index, up to now
//	people                c# in order (List), o#, e#, g#
//	provisioning          z#; j#, two items for each entry; l#provision
//
// A transaction holds the conversation, its events, its intended actions, its version and its messages, so they are there
// together or not at all. What is put outside of it says less than it seems: a u# may point to a conversation whose commit
// failed, and q may list one that has no action any more; readers look at the conversation itself. Nothing reads by Scan.
//
// # What it costs
//
// In write units, one for each KB of an item, two in a transaction, for items of at most a KB as most are:
//
//	a new conversation      2 c#, 2 i#, 1 u#, 2 h# if somebody has handled the customer; and 2 t, once a transaction
//	one more mail           2 c#, 2 i#, about 0.7 for what moves on to e# and g#; and 2 t
//	settling                1 for each conversation
//	progress                1 or 2, by the length of the cursor
//	a timer                 2, and 3 where it replaces one; 2 when it is dropped
//	a watch                 4
//
// That is about 10 for a mail that comes alone and 6 where five or more come together (TestUnits counts them), 13 to 24
// read units, and one transaction a sync or a small part of one.
//
// # Why nothing is hot, and nothing grows without bound
//
// A partition of DynamoDB takes 1,000 write units a second. A mailbox is worked by one consumer at a time, and its
// provider lets that do a few requests at once, so a mailbox writes some tens of units a second at the most; 10,000
// mailboxes are 10,000 partition keys, which DynamoDB spreads by itself. What all mailboxes share is only the index of
// timers, which is why that has 16 shards: 10,000 timers a minute are 10 writes a second in each.
//
// A conversation's item is bounded, because its events, states and actions move on; pages have 16 messages, and the items
// of events and spills are written once with what one or few commits leave. The team's item lists at most 250
// conversations and those of one transaction more. Texts that strangers choose are cut at 4 KB. The number of items grows
// with the mail that is kept. Timers, watches and actions go when they are dropped or settled, so nothing here waits for
// DynamoDB's TTL, which deletes up to days late.
package dynamo
