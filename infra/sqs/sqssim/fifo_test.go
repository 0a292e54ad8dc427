package sqssim_test

import (
	"testing"
	"time"

	"github.com/postroom/postroom/infra/sqs/sqssim"
)

func TestAGroupInFlightGivesNoOthers(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.send("a1", "a", "1")
	a.send("b1", "b", "2")
	a.send("a2", "a", "3")
	a1 := a.receive(1, "a1")
	a.send("a3", "a", "4")
	a.receive(10, "b1")
	a.receive(10)
	a.must(a.delete(a1[0]))
	a.receive(10, "a2", "a3")
}

func TestAReceiveGivesSeveralOfAGroupFirst(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	for i, m := range []string{"a1", "b1", "a2", "c1", "b2", "a3"} {
		a.send(m, m[:1], string(rune('0'+i)))
	}
	got := a.receive(4, "a1", "a2", "a3", "b1") // as many of a group as there are, then of the next
	a.receive(10, "c1")                         // b2 waits for b1
	a.must(a.delete(got[0]))
	a.must(a.delete(got[1]))
	a.receive(10) // a3 is still in flight
	a.must(a.delete(got[3]))
	a.receive(10, "b2")
}

// Two messages of a group are out, and the first comes back: the second keeps the group closed, and is not overtaken.
func TestAMessageThatComesBackWaitsForItsGroup(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.send("a1", "a", "1")
	a.send("a2", "a", "2")
	got := a.receive(10, "a1", "a2")
	a.must(a.change(got[0], 0))
	a.receive(10)
	a.must(a.change(got[1], 0))
	a.receive(10, "a1", "a2")
}

func TestVisibility(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.send("a1", "a", "1")
	first := a.receive(10, "a1")
	a.pass(30*time.Second - time.Millisecond)
	a.receive(10)
	a.pass(time.Millisecond)
	second := a.receive(10, "a1")
	if *first[0].ReceiptHandle == *second[0].ReceiptHandle {
		t.Error("two receives have one receipt")
	}
	// The first receive's receipt is void.
	if got := code(a.delete(first[0])); got != "InvalidParameterValue" {
		t.Errorf("delete with an old receipt: %s", got)
	}
	if got := code(a.change(first[0], 0)); got != "InvalidParameterValue" {
		t.Errorf("change with an old receipt: %s", got)
	}
	a.receive(10)
	a.must(a.change(second[0], 100))
	a.pass(99 * time.Second)
	a.receive(10)
	a.pass(time.Second)
	// A receipt whose time is over is void even when nobody else has the message.
	if got := code(a.delete(second[0])); got != "InvalidParameterValue" {
		t.Errorf("delete too late: %s", got)
	}
	third := a.receive(10, "a1")
	a.pass(29 * time.Second) // the change counted for its receive only
	a.receive(10)
	a.must(a.delete(third[0]))
	a.must(a.delete(third[0])) // once more is no error
	if got := code(a.change(third[0], 1)); got != "InvalidParameterValue" {
		t.Errorf("change of a deleted message: %s", got)
	}
	a.pass(time.Hour)
	a.receive(10)
}

func TestTwelveHoursFromTheReceive(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.send("a1", "a", "1")
	m := a.receive(1, "a1")[0]
	a.must(a.change(m, 43200))
	a.pass(time.Second)
	if got := code(a.change(m, 43200)); got != "InvalidParameterValue" {
		t.Errorf("12 h after one second: %q", got)
	}
	a.must(a.change(m, 43199))
	if got := code(a.change(m, 43201)); got != "InvalidParameterValue" {
		t.Errorf("more than 12 h: %q", got)
	}
	if got := code(a.change(m, -1)); got != "InvalidParameterValue" {
		t.Errorf("less than nothing: %q", got)
	}
	a.pass(12*time.Hour - 2*time.Second)
	a.receive(1)
	a.pass(time.Second)
	a.receive(1, "a1")
}

func TestDeduplication(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	first := a.send("a1", "a", "same")
	again := a.send("a1", "a", "same")
	if *first.MessageId != *again.MessageId || *first.SequenceNumber != *again.SequenceNumber {
		t.Errorf("the swallowed send is answered with %s, not with %s", *again.MessageId, *first.MessageId)
	}
	a.send("b1", "b", "same") // ids count for the whole queue, so this is swallowed too
	a.must(a.delete(a.receive(10, "a1")[0]))
	a.pass(5*time.Minute - time.Millisecond)
	a.send("a2", "a", "same") // received and deleted since, and swallowed all the same
	a.receive(10)
	a.pass(time.Millisecond)
	a.send("a3", "a", "same")
	a.receive(10, "a3")
}

func TestDeduplicationPerGroupAndByContent(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.must(a.sim.AddQueue(sqssim.Queue{Name: "wide.fifo", PerGroup: true, ContentBased: true}))
	for _, m := range []struct{ body, group, id string }{
		{"1", "a", "x"}, {"2", "b", "x"}, {"3", "a", "x"}, {"4", "a", ""}, {"4", "a", ""}, {"4", "b", ""},
	} {
		_, _, err := a.sim.Send("wide.fifo", m.body, m.group, m.id)
		a.must(err)
	}
	a.receiveFrom("wide.fifo", 10, "1", "4", "2", "4")
}

func TestDeadLettersAndBack(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	sent := a.send("a1", "a", "1")
	a.send("a2", "a", "2")
	for range 3 {
		m := a.receive(1, "a1")
		a.must(a.change(m[0], 0))
	}
	got := a.receive(10, "a2") // and a1 is gone
	a.must(a.delete(got[0]))
	a.receive(10)
	letter := a.receiveFrom(dead, 10, "a1")[0]
	if *letter.MessageId != *sent.MessageId || letter.Attributes["DeadLetterQueueSourceArn"] != sqssim.ARN(name) || letter.Attributes["MessageGroupId"] != "a" {
		t.Errorf("dead letter %+v", letter)
	}
	if moved, err := a.sim.Redrive(dead); err != nil || moved != 0 {
		t.Errorf("%d moved though it was in flight (%v)", moved, err)
	}
	a.pass(time.Minute)
	if moved, err := a.sim.Redrive(dead); err != nil || moved != 1 {
		t.Errorf("%d moved (%v)", moved, err)
	}
	a.receiveFrom(dead, 10)
	back := a.receive(10, "a1")[0]
	if *back.MessageId == *sent.MessageId || back.Attributes["ApproximateReceiveCount"] != "1" {
		t.Errorf("redriven message %+v is not a new one", back)
	}
	if _, err := a.sim.Redrive(name); code(err) == "" {
		t.Error("redrove a queue that is nobody's dead letters")
	}
}

func TestRetention(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.send("a1", "a", "1")
	a.pass(4*24*time.Hour - time.Second)
	for range 3 {
		a.must(a.change(a.receive(1, "a1")[0], 0))
	}
	a.receive(1) // now a dead letter, whose age begins anew
	a.send("a2", "a", "2")
	a.pass(4 * 24 * time.Hour)
	a.receive(1)
	if c, err := a.sim.Counts(name); err != nil || c.Expired != 1 {
		t.Errorf("%+v %v", c, err)
	}
	a.pass(5 * 24 * time.Hour)
	a.receiveFrom(dead, 1, "a1")
	a.pass(2 * 24 * time.Hour)
	a.receiveFrom(dead, 1)
}
