package mail

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// clean makes s valid UTF-8 without NUL.
func clean(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// toUTF8 converts text in the named character set; without a usable name it guesses between UTF-8 and
// Windows-1252. What cannot be converted becomes U+FFFD.
func toUTF8(text []byte, charset string) string {
	if len(text) == 0 {
		return ""
	}
	enc := lookup(charset)
	if enc == nil {
		if utf8.Valid(text) {
			return clean(string(text))
		}
		if isUTF8(charset) && hasMultibyte(text) {
			return clean(string(text)) // cut or damaged, but UTF-8 it was
		}
		enc = charmap.Windows1252
	} else if ascii(text) && enc != simplifiedchinese.HZGB2312 && bytes.IndexByte(text, 0x1b) < 0 && !wide(charset) {
		return clean(string(text))
	}
	out, err := enc.NewDecoder().Bytes(text)
	if err != nil {
		return clean(string(text))
	}
	return clean(string(out))
}

// lookup returns nil for UTF-8, ASCII, no name and unknown names.
func lookup(charset string) encoding.Encoding {
	name := strings.ToLower(strings.Trim(charset, " \t\"'"))
	if name == "" || len(name) > 60 || isUTF8(name) {
		return nil
	}
	switch name {
	case "us-ascii", "ascii", "7bit", "8bit", "utf-7", "unicode-1-1-utf-7", "unknown-8bit", "x-unknown":
		return nil
	case "gb2312", "gbk", "gb_2312-80", "cp936":
		return simplifiedchinese.GB18030 // a superset of both that mail labelled gb2312 often needs
	case "utf-16":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case "iso-8859-8-i":
		name = "iso-8859-8"
	case "cp850", "ibm850", "cp-850":
		return charmap.CodePage850
	case "cp437", "ibm437":
		return charmap.CodePage437
	case "cp932":
		name = "shift_jis"
	case "cp949", "ks_c_5601":
		name = "euc-kr"
	}
	if enc, err := htmlindex.Get(name); err == nil && enc != encoding.Replacement {
		return enc
	}
	if strings.HasPrefix(name, "cp125") {
		if enc, err := htmlindex.Get("windows-" + name[2:]); err == nil {
			return enc
		}
	}
	if enc, err := ianaindex.MIME.Encoding(name); err == nil && enc != nil && enc != encoding.Replacement {
		return enc
	}
	return nil
}

func isUTF8(charset string) bool {
	return strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}

func wide(charset string) bool {
	return len(charset) >= 3 && strings.EqualFold(charset[:3], "utf")
}

func ascii[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func hasMultibyte(text []byte) bool {
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if n > 1 && r != utf8.RuneError {
			return true
		}
		text = text[n:]
	}
	return false
}
