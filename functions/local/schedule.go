package local

import "time"

// ScheduledEvent is what EventBridge Scheduler sends to a function at a moment when the schedule names no input of its own
// ("Using Amazon EventBridge Scheduler", Lambda). Unlike EventBridge's own rules it writes the detail as a string.
func ScheduledEvent(schedule string, at time.Time) any {
	return map[string]any{
		"version": "0", "id": requestID(), "detail-type": "Scheduled Event", "source": "aws.scheduler",
		"account": Account, "time": at.UTC().Format(time.RFC3339), "region": Region,
		"resources": []string{"arn:aws:scheduler:" + Region + ":" + Account + ":schedule/default/" + schedule},
		"detail":    "{}",
	}
}
