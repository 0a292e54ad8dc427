package bolt

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

func FuzzIDsInKeys(f *testing.F) {
	f.Add("AAQk=", "AAQk=\x00", []byte("rest"))
	f.Add("a\x00\xff", "a\x00\x01", []byte{0xff})
	f.Add("", "\x00", []byte(nil))
	f.Fuzz(func(t *testing.T, a, b string, rest []byte) {
		ka, kb := appendID(nil, a), appendID(nil, b)
		if got, want := bytes.Compare(ka, kb), strings.Compare(a, b); got != want {
			t.Errorf("%q and %q compare as %d, their keys as %d", a, b, want, got)
		}
		if a != b && bytes.HasPrefix(kb, ka) {
			t.Errorf("the key of %q begins with that of %q", b, a)
		}
		id, got := cutID(append(ka, rest...))
		if string(id) != a || !bytes.Equal(got, rest) {
			t.Errorf("%q and %q came back as %q and %q", a, rest, id, got)
		}
		cutID(rest) // a damaged key is no panic
	})
}

func TestTimesSortInKeys(t *testing.T) {
	t.Parallel()
	times := []time.Time{
		{}, time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(-1, 5), time.Unix(0, 0), time.Unix(0, 1),
		time.Date(2026, 3, 2, 9, 0, 0, 999_999_999, time.UTC), time.Date(2026, 3, 2, 9, 0, 1, 0, time.UTC),
		time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC),
	}
	var keys [][]byte
	for _, at := range times {
		k := appendTime(nil, at)
		if len(k) != timeSize {
			t.Errorf("%v takes %d bytes", at, len(k))
		}
		keys = append(keys, k)
	}
	if !slices.IsSortedFunc(keys, bytes.Compare) {
		t.Errorf("the keys are not in order: %x", keys)
	}
}
