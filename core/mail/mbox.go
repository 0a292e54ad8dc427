package mail

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Mbox splits an mbox into raw mails, without their From_ lines and with ">From" unquoted once. Each yielded
// slice belongs to the receiver. The sequence ends after its first error: a failing reader, input that does not
// begin with a From_ line, or one mail above MaxSize. Memory is bounded by the largest single mail.
func Mbox(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		br := bufio.NewReaderSize(r, 64<<10)
		var mail []byte
		started, blank, lineStart := false, true, true
		for {
			line, err := br.ReadSlice('\n')
			if len(line) > 0 {
				full := lineStart
				lineStart = line[len(line)-1] == '\n'
				switch {
				case full && blank && isFrom(line, started):
					if started && !yield(trimLineEnd(mail), nil) {
						return
					}
					mail, started, blank = nil, true, false
				case !started:
					if len(bytes.TrimSpace(line)) > 0 {
						yield(nil, errors.New("mail: not an mbox: it does not begin with a \"From \" line"))
						return
					}
				default:
					blank = full && len(bytes.TrimRight(line, "\r\n")) == 0
					if full && quotedFrom(line) {
						line = line[1:]
					}
					mail = append(mail, line...)
				}
				if len(mail) > MaxSize {
					yield(nil, fmt.Errorf("mail: a mail in the mbox is larger than %d bytes", MaxSize))
					return
				}
			}
			switch {
			case err == nil || errors.Is(err, bufio.ErrBufferFull):
			case errors.Is(err, io.EOF):
				if started {
					yield(trimLineEnd(mail), nil)
				}
				return
			default:
				yield(nil, fmt.Errorf("mail: read mbox: %w", err))
				return
			}
		}
	}
}

// isFrom tells a From_ line. Inside the file it must carry a time of day, so that a paragraph that begins with
// "From" does not cut a mail in two where the writer forgot to quote it.
func isFrom(line []byte, started bool) bool {
	if !bytes.HasPrefix(line, []byte("From ")) {
		return false
	}
	if !started {
		return true
	}
	for i := 1; i+2 < len(line); i++ {
		if line[i] == ':' && digit(line[i-1]) && digit(line[i+1]) && digit(line[i+2]) {
			return true
		}
	}
	return false
}

func quotedFrom(line []byte) bool {
	rest := bytes.TrimLeft(line, ">")
	return len(rest) < len(line) && bytes.HasPrefix(rest, []byte("From "))
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
