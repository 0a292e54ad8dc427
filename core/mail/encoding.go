package mail

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// decodeTransfer undoes a Content-Transfer-Encoding. Damage is skipped, never an error; unknown encodings leave
// the body as it is.
func decodeTransfer(body []byte, encoding string) []byte {
	encoding, _, _ = strings.Cut(encoding, ";")
	switch strings.ToLower(strings.Trim(encoding, " \t\"'")) {
	case "base64":
		return decodeBase64(body)
	case "quoted-printable":
		return decodeQuotedPrintable(body)
	}
	return body
}

// decodeBase64 ignores every byte outside the alphabet, accepts both alphabets, and goes on after padding in the
// middle, which joined encodings leave behind.
func decodeBase64(in []byte) []byte {
	out := make([]byte, 0, base64.StdEncoding.DecodedLen(len(in))+3)
	var acc uint32
	n := 0
	for _, c := range in {
		v := base64Value[c]
		if v == 0xff {
			if c == '=' {
				out, acc, n = flushBase64(out, acc, n), 0, 0
			}
			continue
		}
		acc = acc<<6 | uint32(v)
		if n++; n == 4 {
			out = append(out, byte(acc>>16), byte(acc>>8), byte(acc))
			acc, n = 0, 0
		}
	}
	return flushBase64(out, acc, n)
}

func flushBase64(out []byte, acc uint32, n int) []byte {
	switch n {
	case 2:
		return append(out, byte(acc>>4))
	case 3:
		return append(out, byte(acc>>10), byte(acc>>2))
	}
	return out
}

var base64Value = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = byte(i)
	}
	t['-'], t['_'] = 62, 63
	return t
}()

func decodeQuotedPrintable(in []byte) []byte {
	if bytes.IndexByte(in, '=') < 0 {
		return in
	}
	out := make([]byte, 0, len(in))
	for len(in) > 0 {
		i := bytes.IndexByte(in, '=')
		if i < 0 {
			return append(out, in...)
		}
		out = append(out, in[:i]...)
		in = in[i+1:]
		if len(in) >= 2 && hexDigit(in[0]) >= 0 && hexDigit(in[1]) >= 0 {
			out = append(out, byte(hexDigit(in[0])<<4|hexDigit(in[1])))
			in = in[2:]
			continue
		}
		if len(in) == 0 {
			return out
		}
		line, rest := cutLine(in)
		if blank := bytes.TrimLeft(line, " \t"); len(blank) == 0 {
			in = rest // soft line break
			continue
		}
		out = append(out, '=')
	}
	return out
}
