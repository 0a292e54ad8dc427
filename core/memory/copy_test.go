package memory

import (
	"reflect"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
)

// TestSame keeps same right for fields that Conversation gets later: each makes a difference, but not as an empty list
// or as the same instant elsewhere.
func TestSame(t *testing.T) {
	t.Parallel()
	typ := reflect.TypeFor[inbox.Conversation]()
	for i := range typ.NumField() {
		var c inbox.Conversation
		set(t, reflect.ValueOf(&c).Elem().Field(i))
		if same(c, inbox.Conversation{}) {
			t.Errorf("same does not look at %s", typ.Field(i).Name)
		}
		if !same(c, copyConversation(c)) {
			t.Errorf("a copy with %s set is not the same", typ.Field(i).Name)
		}
		e := c
		switch f := reflect.ValueOf(&e).Elem().Field(i); {
		case f.Kind() == reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 0, 1))
			c = inbox.Conversation{}
		case f.Type() == reflect.TypeFor[time.Time]():
			f.Set(reflect.ValueOf(time.Unix(1, 0).In(time.FixedZone("elsewhere", 3600))))
		}
		if !same(c, e) {
			t.Errorf("%s as an empty list or in another zone makes a difference", typ.Field(i).Name)
		}
	}
}

func set(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint64:
		v.SetUint(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		set(t, v.Index(0))
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1, 0)))
			return
		}
		set(t, v.Field(0))
	default:
		t.Fatalf("no value for a %s", v.Type())
	}
}
