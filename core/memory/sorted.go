package memory

import (
	"slices"
	"sort"
)

// blockSize bounds how much one insertion moves.
const blockSize = 256

// sorted is an ordered set. Inserting and removing move at most one block, whatever the set's size.
type sorted[T any] struct {
	compare func(a, b T) int
	blocks  [][]T // none of them empty
}

// find gives the block and the place in it of the first element that is not below v.
func (s *sorted[T]) find(v T) (block, at int, found bool) {
	block = sort.Search(len(s.blocks), func(i int) bool {
		b := s.blocks[i]
		return s.compare(b[len(b)-1], v) >= 0
	})
	if block == len(s.blocks) {
		return block, 0, false
	}
	at, found = slices.BinarySearchFunc(s.blocks[block], v, s.compare)
	return block, at, found
}

func (s *sorted[T]) insert(v T) {
	i, at, found := s.find(v)
	switch {
	case found:
		return
	case len(s.blocks) == 0:
		s.blocks = [][]T{{v}}
		return
	case i == len(s.blocks):
		i--
		at = len(s.blocks[i])
	}
	b := slices.Insert(s.blocks[i], at, v)
	s.blocks[i] = b
	if len(b) > blockSize {
		half := len(b) / 2
		if at == len(b)-1 {
			half = at // growing at the end: leave full blocks behind
		}
		right := append(make([]T, 0, blockSize/2), b[half:]...)
		clear(b[half:])
		s.blocks[i] = b[:half]
		s.blocks = slices.Insert(s.blocks, i+1, right)
	}
}

func (s *sorted[T]) remove(v T) {
	i, at, found := s.find(v)
	if !found {
		return
	}
	s.blocks[i] = slices.Delete(s.blocks[i], at, at+1)
	if len(s.blocks[i]) == 0 {
		s.blocks = slices.Delete(s.blocks, i, i+1)
	}
}

// from calls yield for each element from v on, v included, until it returns false.
func (s *sorted[T]) from(v T, yield func(T) bool) {
	i, at, _ := s.find(v)
	s.walk(i, at, yield)
}

func (s *sorted[T]) all(yield func(T) bool) { s.walk(0, 0, yield) }

func (s *sorted[T]) walk(i, at int, yield func(T) bool) {
	for ; i < len(s.blocks); i, at = i+1, 0 {
		for _, v := range s.blocks[i][at:] {
			if !yield(v) {
				return
			}
		}
	}
}
