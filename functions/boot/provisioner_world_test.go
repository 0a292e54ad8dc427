package boot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/providers/exchange/exchangesim"
	"github.com/postroom/postroom/providers/workspace/workspacesim"
)

// branch is the function provision in a simulated world: whom it tells, what it answers and how it invokes itself is written
// down, and time passes only while somebody waits.
type branch struct {
	*library
	*boot.Provisioner
	world   *boot.Simulation
	journal *memory.Journal
	metrics bytes.Buffer

	told    []string          // what was published
	again   []json.RawMessage // the events it has sent itself
	answers map[string][]byte // by the URL
	puts    int
	// cut is when the invocation ends; zero: not while anybody waits.
	cut    time.Time
	cancel context.CancelFunc
	n      int
}

const onePerson = `
version: 1
organisation: {name: Contoso, domains: [contoso.com], timezone: Europe/Copenhagen}
members:
  one: {name: Anna Berg, email: anna@contoso.com}
  two: {name: Bo Dahl, email: bo@contoso.com}
mailboxes:
  support@contoso.com: {provider: m365, name: Support, agents: [one], leads: [one]}
`

func newBranch(t *testing.T) *branch {
	t.Helper()
	b := &branch{library: newLibrary(t), journal: &memory.Journal{}, answers: map[string][]byte{}}
	clock := func() time.Time { return b.now }
	b.world = boot.SimulateTenants(boot.SimulationOptions{Now: clock, Sleep: func(d time.Duration) { b.now = b.now.Add(d) }})
	for _, who := range []string{"anna@contoso.com", "bo@contoso.com", "eve@contoso.com"} {
		if err := b.world.Exchange.AddUser(exchangesim.Recipient{Address: who}); err != nil {
			t.Fatal(err)
		}
		b.world.Workspace.AddAccount(workspacesim.Account{Address: who})
	}
	b.shelf.put(onePerson)
	b.Provisioner = &boot.Provisioner{
		Manifests: b.process(), Administers: func(p inbox.Provider) bool { return true },
		Estate: func(m *manifest.Manifest, want []provision.Mailbox) (*provision.Estate, error) {
			ways, err := b.world.Administrations(boot.AdministrationOptions{Want: want, Mark: m.Mark(), Now: clock, Wait: b.wait})
			if err != nil {
				return nil, err
			}
			e := ways.Estate()
			return &e, nil
		},
		Records: &b.records, Journal: b.journal, Locks: &memory.Locks{},
		Publish: func(_ context.Context, subject, text string) error {
			b.told = append(b.told, subject+"\n"+text)
			return nil
		},
		Again: func(_ context.Context, event []byte) error {
			b.again = append(b.again, event)
			return nil
		},
		Answer: func(_ context.Context, url string, body []byte) error {
			b.answers[url] = body
			b.puts++
			return nil
		},
		Now: clock, Wait: b.wait, Log: b.log.logger(), Stack: "postroom-eu",
		Metrics: &boot.Metrics{W: &b.metrics, Stack: "postroom-eu", Function: "provision", Now: clock},
	}
	return b
}

// wait lets time pass, and ends the invocation when that is over.
func (b *branch) wait(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.now = b.now.Add(d)
	if !b.cut.IsZero() && !b.now.Before(b.cut) && b.cancel != nil {
		b.cancel()
	}
	return ctx.Err()
}

// handle is one invocation with an event, under a request id of its own.
func (b *branch) handle(event string) (any, error) {
	b.n++
	return b.deliver(event, fmt.Sprint("request-", b.n))
}

func (b *branch) deliver(event, id string) (any, error) {
	ctx, cancel := context.WithCancel(b.Context())
	b.cancel = cancel
	defer cancel()
	return b.Handle(lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: id}), json.RawMessage(event))
}

// ask is handle for what must go well; the answer is read into out.
func (b *branch) ask(event string, out any) {
	b.Helper()
	got, err := b.handle(event)
	if err != nil {
		b.Fatalf("%s: %v\n%s", event, err, b.logged())
	}
	raw, err := json.Marshal(got)
	if err == nil {
		err = json.Unmarshal(raw, out)
	}
	if err != nil {
		b.Fatal(err)
	}
}

// equip makes the tenants as the manifest says.
func (b *branch) equip() {
	b.Helper()
	var planned boot.Planned
	b.ask(`{"do": "plan"}`, &planned)
	var applied boot.Applied
	b.ask(`{"do": "apply", "plan": "`+planned.Digest+`"}`, &applied)
	if !applied.Ended || !applied.Complete {
		b.Fatalf("applied: %+v\n%s", applied, b.logged())
	}
}

// goOn delivers what the function has sent itself, until that is over.
func (b *branch) goOn() (legs int) {
	b.Helper()
	for len(b.again) > 0 {
		event := string(b.again[0])
		b.again = b.again[1:]
		if legs++; legs > 20 {
			b.Fatal("it never ends")
		}
		b.cut = b.now.Add(15 * time.Minute)
		if _, err := b.handle(event); err != nil {
			b.Fatalf("%s: %v", event, err)
		}
	}
	return legs
}

// exists reports whether a mailbox is there.
func (b *branch) exists(address string) bool {
	for _, cmd := range []string{"Get-Mailbox"} {
		if err := b.world.Exchange.Run(cmd, map[string]any{"Identity": address}); err == nil {
			return true
		}
	}
	_, ok := b.world.Workspace.Account(address)
	return ok
}

// request is an event of CloudFormation's.
func request(kind, id, physical string, properties map[string]any) string {
	e := map[string]any{
		"RequestType": kind, "ResponseURL": "https://cloudformation-custom-resource-response-eucentral1.s3.eu-central-1.amazonaws.com/" + id + "?X-Amz-Signature=abc",
		"StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/hr/1111", "RequestId": id, "ResourceType": "Custom::PostroomMailbox",
		"LogicalResourceId": "Jobs", "ResourceProperties": properties, "ServiceToken": "arn:aws:lambda:eu-central-1:123456789012:function:p",
	}
	if physical != "" {
		e["PhysicalResourceId"] = physical
	}
	b, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return string(b)
}

type toldBack struct {
	Status, Reason, PhysicalResourceId, StackId, RequestId, LogicalResourceId string
	Data                                                                      map[string]string
}

// answer is what CloudFormation was told of a request.
func (b *branch) answer(id string) (a toldBack) {
	b.Helper()
	for url, body := range b.answers {
		if strings.Contains(url, "/"+id+"?") {
			if err := json.Unmarshal(body, &a); err != nil {
				b.Fatal(err)
			}
			return a
		}
	}
	b.Fatalf("CloudFormation has no answer to %s\n%s", id, b.logged())
	return a
}

func jobs(more map[string]any) map[string]any {
	p := map[string]any{
		"ServiceToken": "arn:x", "Address": "jobs@contoso.com", "Provider": "m365", "Name": "Jobs", "Agents": []string{"one"}, "Leads": []string{"one"},
	}
	for k, v := range more {
		p[k] = v
	}
	return p
}

func (b *branch) logged() string { return strings.Join(b.log.lines(), "") }
