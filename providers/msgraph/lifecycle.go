package msgraph

// Care is what a lifecycle notification calls for.
type Care int

// The cares. All but CareNothing also call for a reading of the mailbox, since changes may have gone unnoticed.
const (
	CareNothing Care = iota // an event this program does not know
	CareRenew               // Watcher.Renew; unanswered, notifications stop
	CareEnsure              // Watcher.Ensure; the subscription is gone
	CareRead                // the subscription is well, but notifications were lost
)

// CareFor says what a lifecycleEvent calls for ("Reduce missing change notifications and removed subscriptions"). A
// reauthorizationRequired is answered by renewing, which reauthorizes too; doing both within ten minutes is advised
// against.
func CareFor(lifecycleEvent string) Care {
	switch lifecycleEvent {
	case "reauthorizationRequired":
		return CareRenew
	case "subscriptionRemoved":
		return CareEnsure
	case "missed":
		return CareRead
	}
	return CareNothing
}
