package memory

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestSortedAgainstSlice(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	s := sorted[int]{compare: cmp.Compare[int]}
	var want []int
	check := func() {
		t.Helper()
		var got []int
		s.all(func(v int) bool { got = append(got, v); return true })
		if !slices.Equal(got, want) {
			t.Fatalf("all: got %d elements, want %d", len(got), len(want))
		}
		start := r.IntN(2000)
		at, _ := slices.BinarySearch(want, start)
		got = nil
		s.from(start, func(v int) bool { got = append(got, v); return len(got) < 5 })
		if tail := want[at:min(at+5, len(want))]; !slices.Equal(got, tail) {
			t.Fatalf("from %d: got %v, want %v", start, got, tail)
		}
	}
	for i := range 20000 {
		v := r.IntN(2000)
		if i%3 == 0 && i < 15000 { // grow at the end as conversations do
			v = i
		}
		at, found := slices.BinarySearch(want, v)
		if r.IntN(5) < 3 {
			s.insert(v)
			if !found {
				want = slices.Insert(want, at, v)
			}
		} else {
			s.remove(v)
			if found {
				want = slices.Delete(want, at, at+1)
			}
		}
		if i%500 == 0 {
			check()
		}
	}
	check()
	for _, b := range s.blocks {
		if len(b) == 0 || len(b) > blockSize {
			t.Errorf("a block has %d elements", len(b))
		}
	}
	for _, v := range slices.Clone(want) {
		s.remove(v)
	}
	if len(s.blocks) != 0 {
		t.Errorf("%d blocks left in an empty set", len(s.blocks))
	}
}
