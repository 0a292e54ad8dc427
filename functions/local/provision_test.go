package local_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/functions/local"
	"github.com/postroom/postroom/infra/document/documentsim"
	"github.com/postroom/postroom/infra/dynamo"
	"github.com/postroom/postroom/infra/dynamo/engine"
	"github.com/postroom/postroom/providers/exchange/exchangesim"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
	"github.com/postroom/postroom/providers/workspace/workspacesim"
)

const declaring = `
version: 1
organisation: {name: Contoso, domains: [contoso.com], timezone: Europe/Copenhagen}
members:
  anna: {name: Anna Berg, email: anna@contoso.com}
  bo: {name: Bo Dahl, email: bo@contoso.com}
mailboxes:
  support@contoso.com: {provider: m365, name: Support, agents: [anna], leads: [anna]}
`

// bureau is the real function provision between simulated tenants and what it uses of AWS, all on the wire.
type bureau struct {
	testing.TB
	world    *boot.Simulation
	function *local.Function
	store    documentsim.Sim
	table    *dynamo.Table
	s3       string // where CloudFormation has answers put

	mu      sync.Mutex
	told    []string          // what was published to the topic
	events  [][]byte          // what the function has sent itself
	answers map[string]string // by the name of the object; several are in lines
}

const driftTopic = "arn:aws:sns:us-east-1:123456789012:postroom-Topic"

func newBureau(t *testing.T) *bureau {
	t.Helper()
	b := &bureau{TB: t, answers: map[string]string{}}
	b.world = boot.SimulateTenants(boot.SimulationOptions{})
	for _, who := range []string{"anna@contoso.com", "bo@contoso.com", "eve@contoso.com"} {
		b.must(b.world.Exchange.AddUser(exchangesim.Recipient{Address: who}))
		b.world.Workspace.AddAccount(workspacesim.Account{Address: who})
	}
	client := engine.Start(t)
	name := fmt.Sprintf("postroom-%d", tables.Add(1))
	shape := dynamo.Definition(name)
	shape.StreamSpecification = nil
	_, err := client.CreateTable(t.Context(), shape)
	b.must(err)
	b.table = dynamo.Open(client, name, dynamo.Options{})
	b.store.SetBucket("config", documentsim.Enabled)
	_, err = b.store.Put("config", "postroom.yaml", []byte(declaring))
	b.must(err)

	s := &site{TB: t}
	b.s3 = s.serve(http.HandlerFunc(b.answered))
	b.function = &local.Function{
		Name: "ProvisionFunction", Binary: binary(t, "provision"), Memory: 512, Timeout: 900 * time.Second, Concurrency: 4,
		Env: map[string]string{
			"AWS_ENDPOINT_URL_DYNAMODB": engine.Endpoint(t), "AWS_ENDPOINT_URL_S3": s.serve(&b.store), "AWS_ENDPOINT_URL_SNS": s.serve(http.HandlerFunc(b.topic)),
			"AWS_ENDPOINT_URL_LAMBDA": s.serve(http.HandlerFunc(b.lambda)), "AWS_ENDPOINT_URL": s.nowhere(),
			"POSTROOM_TABLE": name, "POSTROOM_MANIFEST": "s3://config/postroom.yaml", "POSTROOM_STACK": "local", "POSTROOM_TOPIC": driftTopic,
			"POSTROOM_SIMULATED_GRAPH": s.serve(b.world.Graph) + "/v1.0", "POSTROOM_SIMULATED_GMAIL": s.serve(b.world.Gmail) + "/",
			"POSTROOM_SIMULATED_EXCHANGE": s.serve(b.world.Exchange), "POSTROOM_SIMULATED_WORKSPACE": s.serve(b.world.Workspace) + "/",
		},
	}
	b.world.Graph.Client = &http.Client{}
	t.Cleanup(b.function.Close)
	return b
}

func (b *bureau) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// topic is SNS, as far as publishing goes ("Publish", in the query protocol).
func (b *bureau) topic(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.Form.Get("Action") != "Publish" || r.Form.Get("TopicArn") != driftTopic ||
		len(r.Form.Get("Subject")) > 100 || len(r.Form.Get("Message")) > 256<<10 || r.Form.Get("Message") == "" {
		http.Error(w, `<ErrorResponse><Error><Type>Sender</Type><Code>InvalidParameter</Code></Error></ErrorResponse>`, http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	b.told = append(b.told, r.Form.Get("Subject")+"\n"+r.Form.Get("Message"))
	b.mu.Unlock()
	io.WriteString(w, `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>`)
}

// lambda takes an asynchronous invocation ("Invoke").
func (b *bureau) lambda(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != "/2015-03-31/functions/ProvisionFunction/invocations" || r.Header.Get("X-Amz-Invocation-Type") != "Event" {
		http.Error(w, `{"Message": "no such function"}`, http.StatusNotFound)
		return
	}
	event, _ := io.ReadAll(r.Body)
	b.mu.Lock()
	b.events = append(b.events, event)
	b.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
}

// answered is the bucket of CloudFormation.
func (b *bureau) answered(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if _, kind := r.Header["Content-Type"]; r.Method != http.MethodPut || kind || len(body) > 4096 || r.URL.Query().Get("Signature") != "s3cret" {
		http.Error(w, "SignatureDoesNotMatch", http.StatusForbidden)
		return
	}
	b.mu.Lock()
	b.answers[r.URL.Path[1:]] += string(body) + "\n"
	b.mu.Unlock()
}

// invoke takes an event through the function, and what it sends itself.
func (b *bureau) invoke(event any) local.Result {
	b.Helper()
	out, err := b.function.Invoke(b.Context(), event)
	if err != nil {
		b.Fatalf("provision: %v\n%s", err, b.function.Log.String())
	}
	return out
}

func (b *bureau) own() (list [][]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	list, b.events = b.events, nil
	return list
}

type resourceAnswer struct {
	Status, Reason, PhysicalResourceId, RequestId string
	Data                                          map[string]string
}

func (b *bureau) answer(id string) (a resourceAnswer) {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	list := strings.Split(strings.TrimSpace(b.answers[id]), "\n")
	if len(list) != 1 || list[0] == "" {
		b.Fatalf("%d answers to %s: %q\n%s", len(list), id, b.answers[id], b.function.Log.String())
	}
	b.must(json.Unmarshal([]byte(list[0]), &a))
	if a.RequestId != id {
		b.Errorf("%s is answered as %s", id, a.RequestId)
	}
	return a
}

func (b *bureau) resource(kind, id, physical string, more map[string]any) map[string]any {
	properties := map[string]any{
		"ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:ProvisionFunction", "ServiceTimeout": "3600", "Address": "jobs@contoso.com",
		"Provider": "m365", "Name": "Jobs", "Agents": []string{"anna"}, "Leads": []string{"anna"}, "Hidden": "true", "Assign": map[string]any{"strategy": "round-robin", "cap": "12"},
	}
	for k, v := range more {
		properties[k] = v
	}
	e := map[string]any{
		"RequestType": kind, "RequestId": id, "ResponseURL": b.s3 + "/" + id + "?Signature=s3cret", "ResourceType": "Custom::PostroomMailbox",
		"StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/hr/1", "LogicalResourceId": "Jobs", "ResourceProperties": properties,
	}
	if physical != "" {
		e["PhysicalResourceId"] = physical
	}
	return e
}

func (b *bureau) exists(address string) bool {
	return b.world.Exchange.Run("Get-Mailbox", map[string]any{"Identity": address}) == nil
}

// apply makes the tenants as the manifest says, on request.
func (b *bureau) apply() {
	b.Helper()
	var planned boot.Planned
	b.must(json.Unmarshal(b.invoke([]byte(`{"do": "plan"}`)).Payload, &planned))
	var applied boot.Applied
	b.must(json.Unmarshal(b.invoke([]byte(`{"do": "apply", "plan": "`+planned.Digest+`"}`)).Payload, &applied))
	if planned.Steps == 0 || !applied.Ended || !applied.Complete {
		b.Fatalf("%d steps planned, applied %+v\n%s", planned.Steps, applied, b.function.Log.String())
	}
}

// TestDriftOnTheWire: what is applied has not drifted; what somebody changes then is told once, through SNS and on the timeline.
func TestDriftOnTheWire(t *testing.T) {
	t.Parallel()
	b := newBureau(t)
	b.apply()
	b.invoke(local.ScheduledEvent("postroom-drift", time.Now()))
	if len(b.told) > 0 {
		t.Fatalf("told without drift: %s", b.told[0])
	}
	b.must(b.world.Exchange.Grant("support@contoso.com", "eve@contoso.com", "FullAccess"))
	for range 2 {
		b.invoke([]byte(`{"do": "report"}`))
	}
	if len(b.told) != 1 || !strings.Contains(b.told[0], "eve@contoso.com") || !strings.HasPrefix(b.told[0], "Postroom local: 1 differences") {
		t.Errorf("told: %q", b.told)
	}
	entries, _, err := b.table.Provision().Entries(t.Context(), "support@contoso.com", "", 1000)
	b.must(err)
	drift := 0
	for _, e := range entries {
		if e.Stage == provision.Drifted {
			drift++
		}
	}
	if drift != 1 || len(entries) < 10 {
		t.Errorf("%d of %d entries on the timeline are drift", drift, len(entries))
	}
	if b.function.Log.Lines(`"DriftSteps":1`) == nil {
		t.Errorf("no metric of drift\n%s", b.function.Log.String())
	}
	if err := b.world.Exchange.Run("Remove-MailboxPermission", map[string]any{"Identity": "support@contoso.com", "User": "eve@contoso.com", "AccessRights": "FullAccess"}); err != nil {
		t.Errorf("the report has changed what it found: %v", err)
	}
}

// TestResourceOnTheWire is the life of a declared mailbox: made, changed, refused and rolled back, deleted; and what sync and tick
// would work meanwhile.
func TestResourceOnTheWire(t *testing.T) {
	t.Parallel()
	b := newBureau(t)
	create := b.resource("Create", "c1", "", nil)
	b.invoke(create)
	if a := b.answer("c1"); a.Status != "SUCCESS" || a.PhysicalResourceId != "jobs@contoso.com" || !b.exists("jobs@contoso.com") {
		t.Fatalf("%+v\n%s", a, b.function.Log.String())
	}
	b.invoke(create) // Lambda delivers it once more; answer fails on a second one
	b.answer("c1")

	b.invoke(b.resource("Update", "u1", "jobs@contoso.com", map[string]any{"Agents": []string{"bo"}, "Leads": []string{"bo"}, "AllowRemove": "true"}))
	if a := b.answer("u1"); a.Status != "SUCCESS" || a.PhysicalResourceId != "jobs@contoso.com" {
		t.Errorf("%+v", a)
	}
	if _, ok := b.world.Exchange.Mapped("jobs@contoso.com", "anna@contoso.com"); ok {
		t.Error("Anna still has it")
	}
	b.invoke(b.resource("Update", "u2", "jobs@contoso.com", map[string]any{"Agents": []string{"nobody"}}))
	if a := b.answer("u2"); a.Status != "FAILED" || !strings.Contains(a.Reason, "nobody") || a.PhysicalResourceId != "jobs@contoso.com" {
		t.Errorf("%+v", a)
	}
	back := map[string]any{"Agents": []string{"bo"}, "Leads": []string{"bo"}, "AllowRemove": "true"}
	b.invoke(b.resource("Update", "u3", "jobs@contoso.com", back)) // CloudFormation's rollback
	if a := b.answer("u3"); a.Status != "SUCCESS" {
		t.Errorf("%+v", a)
	}
	back["Removal"] = "delete"
	b.invoke(b.resource("Delete", "d1", "jobs@contoso.com", back))
	if a := b.answer("d1"); a.Status != "SUCCESS" || b.exists("jobs@contoso.com") {
		t.Errorf("%+v", a)
	}
	if lines := b.function.Log.Lines("s3cret"); lines != nil {
		t.Errorf("the log has the URL of an answer: %s", lines[0])
	}
}

// TestResourceFailsOnTheWire: a create that the provider refuses fails with the reason, and its rollback leaves alone what was
// there before.
func TestResourceFailsOnTheWire(t *testing.T) {
	t.Parallel()
	b := newBureau(t)
	b.must(b.world.Exchange.AddMailbox(exchangesim.Recipient{Address: "jobs@contoso.com"}))
	b.world.Exchange.Lacks = map[string]bool{"Add-RecipientPermission": true}
	doomed := map[string]any{"Removal": "delete"}
	b.invoke(b.resource("Create", "c1", "", doomed))
	a := b.answer("c1")
	if a.Status != "FAILED" || a.Reason == "" {
		t.Fatalf("%+v\n%s", a, b.function.Log.String())
	}
	b.invoke(b.resource("Delete", "d1", a.PhysicalResourceId, doomed))
	if b.answer("d1").Status != "SUCCESS" || !b.exists("jobs@contoso.com") {
		t.Error("the rollback has deleted a mailbox that was there before")
	}
}

// TestHandedOnOnTheWire: the time of an invocation ends while somebody else applies. The function invokes itself, and the next
// invocation answers; so does one after a process that was killed.
func TestHandedOnOnTheWire(t *testing.T) {
	t.Parallel()
	b := newBureau(t)
	b.function.Timeout = 14 * time.Second // it stops ten seconds before
	now := time.Now()
	b.must(b.table.Provision().Lock(t.Context(), "somebody", now, now.Add(time.Hour)))
	b.invoke(b.resource("Create", "c1", "", nil))
	own := b.own()
	if len(own) != 1 || len(b.answers) != 0 {
		t.Fatalf("%d events of its own, answers %v\n%s", len(own), b.answers, b.function.Log.String())
	}
	b.function.Kill()
	b.must(b.table.Provision().Unlock(t.Context(), "somebody"))
	b.function.Timeout = 900 * time.Second
	for range 2 { // Lambda delivers it twice
		b.invoke(own[0])
	}
	if a := b.answer("c1"); a.Status != "SUCCESS" || !b.exists("jobs@contoso.com") {
		t.Errorf("%+v", a)
	}
}

// TestDeclaredMailboxIsWorked: what a resource has declared is taken up by tick like a mailbox of the manifest.
func TestDeclaredMailboxIsWorked(t *testing.T) {
	t.Parallel()
	b := newBureau(t)
	b.apply()
	b.invoke(b.resource("Create", "c1", "", nil))
	if a := b.answer("c1"); a.Status != "SUCCESS" {
		t.Fatalf("%+v", a)
	}
	s := newSite(t, declaring)
	value, version, err := b.table.Record(t.Context(), "declared")
	b.must(err)
	if version == 0 {
		t.Fatal("there is no declaration")
	}
	s.must(s.table.SaveRecord(t.Context(), "declared", value, 0))
	s.must(s.Graph.AddMailbox(graphsim.Mailbox{Address: "jobs@contoso.com", Name: "Jobs"}))
	s.minute()
	for _, id := range []inbox.MailboxID{"support@contoso.com", "jobs@contoso.com"} {
		if _, there, err := s.table.Timer(t.Context(), id, boot.TimerWatch); err != nil || !there {
			t.Errorf("%s is not taken up: %v\n%s", id, err, s.tick.Log.String())
		}
	}
}
