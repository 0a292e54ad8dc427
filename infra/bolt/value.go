package bolt

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/postroom/postroom/core/inbox"
)

// writer encodes the values of one transaction into one growing buffer. bbolt holds on to them until the commit, and
// lets only one transaction write at a time, so a DB has one writer.
type writer struct {
	buf bytes.Buffer
	enc *json.Encoder
}

// maxKept bounds the buffer that is kept from one transaction for the next.
const maxKept = 1 << 20

// reset begins a transaction.
func (w *writer) reset() {
	if w.enc == nil || w.buf.Cap() > maxKept {
		w.buf = bytes.Buffer{}
		w.enc = json.NewEncoder(&w.buf)
		w.enc.SetEscapeHTML(false)
	}
	w.buf.Reset()
}

// value encodes v behind the format and a head.
func (w *writer) value(v any, head ...byte) ([]byte, error) {
	start := w.buf.Len()
	w.buf.WriteByte(format)
	w.buf.Write(head)
	if err := w.enc.Encode(v); err != nil {
		return nil, err
	}
	end := w.buf.Len() - 1 // the encoder ends with a line feed
	return w.buf.Bytes()[start:end:end], nil
}

// decode is the inverse, for a value with a head of that size.
func decode(value []byte, head int, v any) error {
	if err := checkFormat(value, head); err != nil {
		return err
	}
	return json.Unmarshal(value[1+head:], v)
}

func checkFormat(value []byte, head int) error {
	if len(value) < 1+head || value[0] != format {
		return fmt.Errorf("a value of %d bytes is not of format %d", len(value), format)
	}
	return nil
}

// head is what a commit has to know of a conversation as it is kept.
type head struct {
	seq      int64
	opened   [timeSize]byte
	overflow bool
}

const headSize = 8 + timeSize + 1

func headOf(c inbox.Conversation) head {
	h := head{seq: c.Seq, overflow: c.Overflow}
	appendTime(h.opened[:0], c.Opened)
	return h
}

func (h head) bytes() []byte {
	b := append(binary.BigEndian.AppendUint64(make([]byte, 0, headSize), uint64(h.seq)), h.opened[:]...)
	if h.overflow {
		return append(b, 1)
	}
	return append(b, 0)
}

func readHead(value []byte) (head, error) {
	if err := checkFormat(value, headSize); err != nil {
		return head{}, err
	}
	h := head{seq: number(value[1:]), overflow: value[headSize] == 1}
	copy(h.opened[:], value[9:])
	return h, nil
}
