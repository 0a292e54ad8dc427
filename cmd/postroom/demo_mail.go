package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/postroom/postroom/core/mail"
)

// givenMail is one mail out of what --mail names, or the reason why something of it is none.
type givenMail struct {
	from string // the file, and the number of the mail in it if it is an mbox
	raw  []byte
	skip string // why it is not delivered; raw is nil then
}

// checkMail fails when one of the paths is not there, before anything else is done.
func checkMail(paths []string) error {
	for _, p := range paths {
		if _, err := os.Stat(p); err != nil {
			var why *fs.PathError
			if errors.As(err, &why) {
				err = why.Err
			}
			return fmt.Errorf("--mail %s: %w", p, err)
		}
	}
	return nil
}

// readMail reads everything the paths name, one mail at a time: files, and directories with all below them, in the order
// of their names. A file is an mbox if it begins with "From ", else one mail. What cannot be read is yielded with the reason.
func readMail(paths []string) iter.Seq[givenMail] {
	return func(yield func(givenMail) bool) {
		for _, p := range paths {
			info, err := os.Stat(p)
			if err == nil && !info.IsDir() {
				// A pipe that somebody names is meant to be read; one that lies in a directory is not.
				if !readMailFile(p, yield) {
					return
				}
				continue
			}
			stop := errors.New("stop")
			err = filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
				switch {
				case err != nil:
					if !yield(givenMail{from: path, skip: reason(err)}) {
						return stop
					}
					if d != nil && d.IsDir() {
						return fs.SkipDir
					}
				case d.IsDir():
				case !isFile(path, d):
					if !yield(givenMail{from: path, skip: "not a regular file"}) {
						return stop
					}
				case !readMailFile(path, yield):
					return stop
				}
				return nil
			})
			if errors.Is(err, stop) {
				return
			}
		}
	}
}

// isFile is also true for a link to a file, as mail stores have them.
func isFile(path string, d fs.DirEntry) bool {
	if d.Type().IsRegular() {
		return true
	}
	info, err := os.Stat(path)
	return d.Type()&fs.ModeSymlink != 0 && err == nil && info.Mode().IsRegular()
}

func reason(err error) string {
	var why *fs.PathError
	if errors.As(err, &why) {
		err = why.Err
	}
	return err.Error()
}

// readMailFile yields what is in one file. It is false when the receiver wants no more.
func readMailFile(path string, yield func(givenMail) bool) bool {
	f, err := os.Open(path)
	if err != nil {
		return yield(givenMail{from: path, skip: reason(err)})
	}
	defer f.Close()
	return readMailFrom(path, f, yield)
}

func readMailFrom(path string, r io.Reader, yield func(givenMail) bool) bool {
	br := bufio.NewReader(r)
	start, _ := br.Peek(len("From "))
	if string(start) != "From " {
		raw, err := io.ReadAll(io.LimitReader(br, mail.MaxSize+1))
		switch {
		case err != nil:
			return yield(givenMail{from: path, skip: reason(err)})
		case len(raw) > mail.MaxSize:
			return yield(givenMail{from: path, skip: fmt.Sprintf("larger than the %d MiB that a provider takes", mail.MaxSize>>20)})
		}
		return yield(one(path, raw))
	}
	n := 0
	for raw, err := range mail.Mbox(br) {
		n++
		from := fmt.Sprintf("%s, mail %d", path, n)
		if err != nil {
			return yield(givenMail{from: from, skip: err.Error() + "; the rest of the mbox is not read"})
		}
		if !yield(one(from, raw)) {
			return false
		}
	}
	return true
}

// mailNames are what files with one mail are called. What is in such a file is a mail even if nothing of it is right.
var mailNames = []string{".eml", ".raw"}

func mailName(from string) bool {
	return slices.Contains(mailNames, strings.ToLower(filepath.Ext(from)))
}

// one tells a mail from other files: it is called one, or it begins with a header.
func one(from string, raw []byte) givenMail {
	if len(bytes.TrimSpace(raw)) == 0 {
		return givenMail{from: from, skip: "it is empty"}
	}
	m, err := mail.ParseHeader(raw)
	if err != nil {
		return givenMail{from: from, skip: err.Error()}
	}
	if len(m.Header) == 0 && !mailName(from) {
		return givenMail{from: from, skip: "no mail: it does not begin with a header"}
	}
	return givenMail{from: from, raw: raw}
}
