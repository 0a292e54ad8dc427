package boot_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/providers/fault"
)

// send delivers a request of CloudFormation's and lets everything come to its end.
func (b *branch) send(kind, id, physical string, properties map[string]any) toldBack {
	b.Helper()
	b.cut = b.now.Add(15 * time.Minute)
	if _, err := b.handle(request(kind, id, physical, properties)); err != nil {
		b.Fatalf("%s %s: %v\n%s", kind, id, err, b.logged())
	}
	b.goOn()
	a := b.answer(id)
	if a.RequestId != id || a.LogicalResourceId != "Jobs" || !strings.HasSuffix(a.StackId, "stack/hr/1111") {
		b.Errorf("%s %s is answered for another request: %+v", kind, id, a)
	}
	return a
}

// well is send for what must succeed.
func (b *branch) well(kind, id, physical string, properties map[string]any) toldBack {
	b.Helper()
	a := b.send(kind, id, physical, properties)
	if a.Status != "SUCCESS" || a.Reason != "" {
		b.Fatalf("%s %s: %+v\n%s", kind, id, a, b.logged())
	}
	return a
}

// worked are the mailboxes that the functions work.
func (b *branch) worked() string {
	b.Helper()
	b.now = b.now.Add(2 * time.Minute) // until they look again
	e, err := b.Manifests.Current(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return fmt.Sprint(e.Mailboxes.IDs())
}

func TestResourceLives(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	if got := b.worked(); got != "[support@contoso.com]" {
		t.Fatalf("worked: %s", got)
	}
	a := b.well("Create", "c1", "", jobs(nil))
	if a.PhysicalResourceId != "jobs@contoso.com" || a.Data["Address"] != "jobs@contoso.com" || a.Data["Held"] != "0" || a.Data["ByHand"] != "0" {
		t.Errorf("created: %+v", a)
	}
	if !b.exists("jobs@contoso.com") {
		t.Fatal("it says created, and there is no mailbox")
	}
	if got := b.worked(); got != "[support@contoso.com jobs@contoso.com]" {
		t.Errorf("worked: %s", got)
	}

	// Bo comes and Anna goes; what would be taken away is held back until it is allowed.
	change := map[string]any{"Agents": []string{"two"}, "Leads": []string{"two"}}
	a = b.well("Update", "u1", "jobs@contoso.com", jobs(change))
	if a.PhysicalResourceId != "jobs@contoso.com" || a.Data["Held"] == "0" {
		t.Errorf("updated: %+v", a)
	}
	change["AllowRemove"] = "true"
	if a = b.well("Update", "u2", "jobs@contoso.com", jobs(change)); a.Data["Held"] != "0" {
		t.Errorf("updated: %+v", a)
	}
	if mapped, ok := b.world.Exchange.Mapped("jobs@contoso.com", "anna@contoso.com"); ok {
		t.Errorf("Anna still has it: %v", mapped)
	}

	// Another address is another mailbox; CloudFormation then has the old one deleted.
	change["Address"] = "careers@contoso.com"
	if a = b.well("Update", "u3", "jobs@contoso.com", jobs(change)); a.PhysicalResourceId != "careers@contoso.com" {
		t.Errorf("replaced: %+v", a)
	}
	b.well("Delete", "d1", "jobs@contoso.com", jobs(nil))
	if got := b.worked(); got != "[support@contoso.com careers@contoso.com]" {
		t.Errorf("worked: %s", got)
	}
	if !b.exists("jobs@contoso.com") {
		t.Error("a mailbox that is to be retained is gone")
	}
	change["Removal"] = "delete"
	b.well("Delete", "d2", "careers@contoso.com", jobs(change))
	if b.exists("careers@contoso.com") || b.worked() != "[support@contoso.com]" {
		t.Error("a mailbox that is to be deleted is there")
	}
	b.well("Delete", "d3", "careers@contoso.com", jobs(change)) // what is gone is no failure
	if b.puts != 7 {
		t.Errorf("%d answers to 7 requests", b.puts)
	}
}

// A mailbox that was there before is taken over, and neither a rollback nor the resource's end deletes it, whatever Removal says.
func TestResourceNeverDeletesWhatItHasNotMade(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	b.well("Create", "c1", "", jobs(nil))
	b.well("Delete", "d1", "jobs@contoso.com", jobs(nil)) // from here on it is somebody's
	doomed := jobs(map[string]any{"Removal": "delete"})
	b.world.ExchangeDial.Add(fault.Rule{Kind: fault.Unavailable, Path: "Add-RecipientPermission"})
	bad := jobs(map[string]any{"Removal": "delete", "Agents": []string{"one", "two"}})
	if a := b.send("Create", "c2", "", bad); a.Status != "FAILED" || a.PhysicalResourceId != "jobs@contoso.com" || a.Reason == "" {
		t.Fatalf("create that cannot succeed: %+v", a)
	}
	if got := b.worked(); got != "[support@contoso.com]" {
		t.Errorf("a mailbox whose resource has failed is worked: %s", got)
	}
	b.world.ExchangeDial.Clear()
	b.well("Delete", "rollback", "jobs@contoso.com", bad)
	if !b.exists("jobs@contoso.com") {
		t.Fatal("the rollback has deleted a mailbox that was there before")
	}
	b.well("Create", "c3", "", doomed)
	b.well("Delete", "d3", "jobs@contoso.com", doomed)
	if !b.exists("jobs@contoso.com") {
		t.Fatal("the resource has deleted a mailbox that was there before it")
	}
}

// A failed update goes back to the old properties by CloudFormation's next request.
func TestResourceRollsBack(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	old := jobs(map[string]any{"AllowRemove": "true"})
	b.well("Create", "c1", "", old)
	b.world.ExchangeDial.Add(fault.Rule{Kind: fault.Unavailable, Path: "Add-RecipientPermission"})
	if a := b.send("Update", "u1", "jobs@contoso.com", jobs(map[string]any{"Name": "Careers", "Agents": []string{"one", "two"}})); a.Status != "FAILED" || a.PhysicalResourceId != "jobs@contoso.com" {
		t.Fatalf("%+v", a)
	}
	b.world.ExchangeDial.Clear()
	b.well("Update", "rollback", "jobs@contoso.com", old)
	if _, ok := b.world.Exchange.Mapped("jobs@contoso.com", "bo@contoso.com"); ok {
		t.Error("after the rollback Bo still has the mailbox")
	}
	if got := b.worked(); got != "[support@contoso.com jobs@contoso.com]" {
		t.Errorf("worked: %s", got)
	}
}

func TestResourcePropertiesAreNamedInErrors(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	for i, c := range []struct {
		more map[string]any
		want []string
	}{
		{map[string]any{"Address": ""}, []string{"property Address"}},
		{map[string]any{"Address": "Jobs <jobs@contoso.com>"}, []string{"property Address"}},
		{map[string]any{"Removal": "destroy", "AllowRemove": "yes"}, []string{"property Removal", "property AllowRemove"}},
		{map[string]any{"Agents": []string{"nobody"}}, []string{"nobody"}},
		{map[string]any{"AnswrAs": "member"}, []string{"answr-as"}},
		{map[string]any{"Provider": "yahoo"}, []string{"yahoo"}},
		{map[string]any{"name": "Twice"}, []string{"twice"}},
		{map[string]any{"Address": "support@contoso.com"}, []string{"support@contoso.com"}},
	} {
		id := fmt.Sprint("bad", i)
		a := b.send("Create", id, "", jobs(c.more))
		if a.Status != "FAILED" || a.PhysicalResourceId == "" {
			t.Errorf("%v: %+v", c.more, a)
		}
		for _, w := range c.want {
			if !strings.Contains(a.Reason, w) {
				t.Errorf("%v: %q lacks %q", c.more, a.Reason, w)
			}
		}
		b.well("Delete", id+"rollback", a.PhysicalResourceId, jobs(c.more))
	}
	if b.exists("jobs@contoso.com") || !b.exists("support@contoso.com") || b.worked() != "[support@contoso.com]" {
		t.Error("a resource that fails has changed something")
	}
}

// Two resources cannot have one mailbox, and the loser's rollback leaves the winner's alone.
func TestResourceHasItsMailboxToItself(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	doomed := jobs(map[string]any{"Removal": "delete"})
	b.well("Create", "c1", "", doomed)
	other := func(kind, id, physical string) toldBack {
		event := strings.ReplaceAll(request(kind, id, physical, doomed), "stack/hr/1111", "stack/sales/2222")
		if _, err := b.handle(event); err != nil {
			t.Fatal(err)
		}
		return b.answer(id)
	}
	if a := other("Create", "o1", ""); a.Status != "FAILED" || !strings.Contains(a.Reason, "stack/hr/1111") {
		t.Errorf("%+v", a)
	}
	if a := other("Delete", "o2", "jobs@contoso.com"); a.Status != "SUCCESS" {
		t.Errorf("%+v", a)
	}
	if !b.exists("jobs@contoso.com") || b.worked() != "[support@contoso.com jobs@contoso.com]" {
		t.Error("the other's rollback has taken the mailbox")
	}
}

// However often a request is delivered, and wherever the invocation before has died, there is one answer.
func TestResourceIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	event := request("Create", "c1", "", jobs(nil))
	put := b.Answer
	lost := 2
	b.Answer = func(ctx context.Context, url string, body []byte) error {
		if lost--; lost >= 0 {
			return errors.New("no route to S3")
		}
		return put(ctx, url, body)
	}
	for range 2 {
		if _, err := b.deliver(event, "r1"); err == nil || strings.Contains(err.Error(), "Signature") {
			t.Fatalf("an answer that is not given: %v", err)
		}
	}
	requests := b.world.Exchange.Requests()
	for range 3 {
		if _, err := b.deliver(event, "r1"); err != nil {
			t.Fatal(err)
		}
	}
	if b.puts != 1 || b.answer("c1").Status != "SUCCESS" {
		t.Errorf("%d answers", b.puts)
	}
	if n := b.world.Exchange.Requests(); n != requests {
		t.Errorf("to answer again it made %d requests", n-requests)
	}
	if lines := b.log.lines("Signature"); lines != nil {
		t.Errorf("the log has the URL of the answer: %s", lines[0])
	}
}

// What takes longer than an invocation goes on in the next, and is answered once at the end. Lambda may deliver what the function
// sends itself twice as well.
func TestResourceIsHandedOn(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	b.world.Exchange.Delays.Recipient = 20 * time.Minute // it cannot be worked on before
	b.Patience = 40 * time.Minute
	began := b.now
	b.cut = b.now.Add(15 * time.Minute)
	if _, err := b.handle(request("Create", "c1", "", jobs(nil))); err != nil {
		t.Fatal(err)
	}
	if b.puts != 0 || len(b.again) != 1 {
		t.Fatalf("%d answers and %d events of its own after %s\n%s", b.puts, len(b.again), b.now.Sub(began), b.logged())
	}
	b.again = append(b.again, b.again[0])
	legs := b.goOn()
	a := b.answer("c1")
	if a.Status != "SUCCESS" || b.puts != 1 {
		t.Errorf("after %d more invocations: %d answers, %+v\n%s", legs, b.puts, a, b.logged())
	}
	if !b.exists("jobs@contoso.com") {
		t.Error("there is no mailbox")
	}
}

// CloudFormation waits an hour. What is not done then fails, and says so in time.
func TestResourceGivesUpBeforeCloudFormationDoes(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	b.world.Exchange.Delays.Recipient = 48 * time.Hour
	b.Patience = 48 * time.Hour
	began := b.now
	a := b.send("Create", "c1", "", jobs(nil))
	if took := b.now.Sub(began); a.Status != "FAILED" || !strings.Contains(a.Reason, "hour") || took > 75*time.Minute {
		t.Errorf("after %s: %+v", took, a)
	}
}

// Another apply is waited for.
func TestResourceWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	if err := b.Locks.Lock(t.Context(), "somebody", b.now, b.now.Add(7*time.Minute)); err != nil {
		t.Fatal(err)
	}
	began := b.now
	b.well("Create", "c1", "", jobs(nil))
	if took := b.now.Sub(began); took < 7*time.Minute {
		t.Errorf("it was done after %s, while somebody else applied", took)
	}
}

// The manifest comes first: what it says of a declared mailbox counts, and that is not deleted with the resource any more.
func TestManifestTakesADeclaredMailboxOver(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	doomed := jobs(map[string]any{"Removal": "delete"})
	b.well("Create", "c1", "", doomed)
	b.worked()
	b.shelf.put(onePerson + "  jobs@contoso.com: {provider: m365, name: Jobs, agents: [two], leads: [two]}\n")
	if got := b.worked(); got != "[support@contoso.com jobs@contoso.com]" {
		t.Fatalf("worked: %s\n%s", got, b.logged())
	}
	if lines := b.log.lines("declared mailbox left out", "jobs@contoso.com"); len(lines) == 0 {
		t.Error("the log does not say that the declaration is left out")
	}
	b.well("Delete", "d1", "jobs@contoso.com", doomed)
	if !b.exists("jobs@contoso.com") {
		t.Error("a mailbox of the manifest was deleted with a resource")
	}
}

// The member of a declared mailbox leaves the manifest: that goes into force, and the mailbox is left out.
func TestManifestLosesAMemberOfADeclaredMailbox(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	b.well("Create", "c1", "", jobs(map[string]any{"Agents": []string{"two"}, "Leads": []string{"two"}}))
	b.shelf.put(strings.Replace(onePerson, "  two: {name: Bo Dahl, email: bo@contoso.com}\n", "", 1))
	if got := b.worked(); got != "[support@contoso.com]" {
		t.Errorf("worked: %s", got)
	}
	if b.Manifests.Refused() == 0 {
		t.Error("no alarm comes of it")
	}
	b.shelf.put(onePerson)
	if got := b.worked(); got != "[support@contoso.com jobs@contoso.com]" {
		t.Errorf("worked: %s", got)
	}
}

func TestResourceAtGoogle(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	at := jobs(map[string]any{"Provider": "gmail", "Licence": "business-starter", "Removal": "delete"})
	b.well("Create", "c1", "", at)
	if _, ok := b.world.Workspace.Account("jobs@contoso.com"); !ok {
		t.Fatal("there is no account")
	}
	b.well("Delete", "d1", "jobs@contoso.com", at)
	if _, ok := b.world.Workspace.Account("jobs@contoso.com"); ok {
		t.Error("the account is there")
	}
}

// Without an identity that administers the provider, a resource fails and says which parameters to set.
func TestResourceWithoutAnIdentity(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.Administers = func(p inbox.Provider) bool { return p == inbox.Gmail }
	if a := b.send("Create", "c1", "", jobs(nil)); a.Status != "FAILED" || !strings.Contains(a.Reason, "Exchange") {
		t.Errorf("%+v", a)
	}
}

// The CDK knows the keys of a mailbox that the manifest knows, and no others.
func TestMailboxOfTheCDKHasTheKeysOfTheManifest(t *testing.T) {
	t.Parallel()
	type object struct {
		Ref        string `json:"$ref"`
		Properties map[string]struct {
			AdditionalProperties json.RawMessage
		}
	}
	var schema struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(manifest.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for name, def := range schema.Defs {
		if name == "mailbox" {
			for key := range def.Properties {
				keys[key] = true
			}
		}
	}
	if len(keys) < 20 {
		t.Fatalf("the schema has %d keys of a mailbox: %v", len(keys), keys)
	}
	source, err := os.ReadFile("../../infra/cdk/lib/mailbox.ts")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(source), "export interface MailboxProps {")
	body, _, _ = strings.Cut(body, "\n}\n")
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^  readonly ([a-zA-Z]+)\??:`).FindAllStringSubmatch(body, -1) {
		found[m[1]] = true
	}
	for key := range keys {
		camel := regexp.MustCompile(`-[a-z]`).ReplaceAllStringFunc(key, func(s string) string { return strings.ToUpper(s[1:]) })
		if !found[camel] {
			t.Errorf("MailboxProps lacks %s", camel)
		}
		delete(found, camel)
	}
	for _, own := range []string{"address", "removal", "allowRemove"} {
		if !found[own] {
			t.Errorf("MailboxProps lacks %s", own)
		}
		delete(found, own)
	}
	for name := range found {
		t.Errorf("MailboxProps has %s, which the manifest does not know", name)
	}
}

// While the record of declarations cannot be read, those that are known are worked.
func TestDeclaredMailboxesGoOnWithoutTheirRecord(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	b.well("Create", "c1", "", jobs(nil))
	before := b.worked()
	b.records.err = errors.New("dynamo: no answer")
	if got := b.worked(); got != before {
		t.Errorf("worked: %s, before %s", got, before)
	}
	if b.log.lines("level=WARN", "declared mailboxes cannot be looked up") == nil {
		t.Error("nothing is said of it")
	}
}
