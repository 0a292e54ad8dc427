package dynamo_test

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/infra/dynamo"
)

// TestValueIsShort holds what a conversation's item is there for: two mails with ids as long as Graph's and all about them
// fit into one write unit.
func TestValueIsShort(t *testing.T) {
	t.Parallel()
	u := coretest.Arrival(support, 1)
	plain, err := json.Marshal(u)
	if err != nil {
		t.Fatal(err)
	}
	value, err := dynamo.Encode(u)
	if err != nil {
		t.Fatal(err)
	}
	if len(value) > len(plain)/3 {
		t.Errorf("%d bytes of JSON take %d, want at most a third", len(plain), len(value))
	}
	small, err := dynamo.Encode("x")
	if err != nil || string(small[1:]) != `"x"` {
		t.Errorf("what deflating makes longer is %q (%v), want it as it is", small, err)
	}
}

// TestDecodeBomb is a value that would inflate without end.
func TestDecodeBomb(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	b.WriteByte(2)
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	for range 64 {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var v any
	if err := dynamo.Decode(b.Bytes(), &v); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("got %v, want that it is too long", err)
	}
}

func TestDecodeOtherFormat(t *testing.T) {
	t.Parallel()
	var v any
	if err := dynamo.Decode([]byte{9, '1'}, &v); err == nil || !strings.Contains(err.Error(), "format 9") {
		t.Errorf("got %v, want that the format is another", err)
	}
	if err := dynamo.Decode(nil, &v); err == nil {
		t.Error("nothing at all was decoded")
	}
}

func FuzzValue(f *testing.F) {
	u := coretest.Arrival(support, 1)
	whole, err := dynamo.Encode(u)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole, u.Events[0].Mail.Subject)
	f.Add(whole[:len(whole)/2], "é\x00\xff")
	f.Add([]byte("\x01{}"), strings.Repeat("x", 9000))
	f.Add([]byte{}, "")
	f.Fuzz(func(t *testing.T, damaged []byte, s string) {
		var conversation inbox.Conversation
		_ = dynamo.Decode(damaged, &conversation) // a damaged value is an error, no panic
		in := inbox.Event{Kind: inbox.EventReceived, Why: []string{strings.ToValidUTF8(s, "?")}}
		value, err := dynamo.Encode(in)
		if err != nil {
			t.Fatal(err)
		}
		var out inbox.Event
		if err := dynamo.Decode(value, &out); err != nil || !reflect.DeepEqual(in, out) {
			t.Errorf("%+v came back as %+v, %v", in, out, err)
		}
	})
}
