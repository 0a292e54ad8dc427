// Package msgraph works a shared mailbox of Microsoft 365 through Microsoft Graph v1.0: it reads what has changed by
// folder delta, sets categories, prepares the mailbox's category list and keeps its change subscription. [Mailbox]
// implements pipeline.Provider; [Watcher] keeps the subscription. For provisioning, [Administration] has the category
// lists of many mailboxes as facts, and [Examination] looks at what the app may do and whom it reaches.
//
// Requests are built by msgraph-sdk-go and sent through its request adapter, so addresses, templates and
// authentication are the SDK's. Three of the SDK's habits are switched off, because they do harm here:
//
//   - It retries by itself, waits for as long as Retry-After says, and may resend a plain body as gzip. Here nothing
//     is retried: throttling comes back as *pipeline.Throttled with its time, and the queue waits.
//   - It decodes every answer into models of pointers and maps. The mail path reads the few fields it needs straight
//     from the answer's JSON.
//   - It sends no token at all to a host it does not expect. Here the host of the base URL is the expected one.
//
// Every request carries Prefer: IdType="ImmutableId"; a message keeps its id when people move it between folders.
// A mailbox has at most one request or one $batch under way at a time. Graph works at most four requests of a $batch
// at once, and four at once is what it allows for one app and mailbox ("Microsoft Graph service-specific throttling
// limits", Outlook service limits).
package msgraph
