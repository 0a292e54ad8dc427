package graphsim

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// Ids look and behave like Exchange's: opaque, safe in URLs, case-sensitive,
// and of the same length for one kind.
const (
	immutablePrefix = "AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A"
	volatilePrefix  = "AAMkADhhYmM0NzNiLTk1ZTQtNGI1Yi1hMDQ2LTk2NWVjYzA5NmYyMABG"
	folderPrefix    = "AAMkADhhYmM0NzNiLTk1ZTQtNGI1Yi1hMDQ2LTk2NWVjYzA5NmYyMAAu"
	convPrefix      = "AAQkADhhYmM0NzNiLTk1ZTQtNGI1Yi1hMDQ2LTk2NWVjYzA5NmYyMAAQ"
)

// opaque turns the nth thing of a mailbox into the changing part of an id. The
// multiplication by an odd number is a bijection: neighbours look unrelated and
// no two are equal.
func opaque(prefix string, mailbox int, n uint64) string {
	var b [12]byte
	binary.BigEndian.PutUint32(b[:4], uint32(mailbox)*0x9E3779B1)
	binary.BigEndian.PutUint64(b[4:], n*0x9E3779B97F4A7C15)
	return prefix + base64.URLEncoding.EncodeToString(b[:]) + "AAA="
}

// changeKey is the token behind an etag: it grows with every change of the item.
func changeKey(n uint64) string {
	var b [21]byte
	copy(b[:], "\x09\x00\x00\x00\x16\x00\x00\x00\x1d\x0b\x9f\x43\x11")
	binary.BigEndian.PutUint64(b[13:], n)
	return base64.StdEncoding.EncodeToString(b[:])
}

// guid is the nth id of a family of well-formed version 4 GUIDs.
func guid(family uint32, n uint64) string {
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", family*0x9E3779B1, uint16(n*40503), uint16(n>>16)&0xfff, uint16(family)&0xfff, n)
}

const (
	familyUser uint32 = iota + 1
	familyTenant
	familySubscription
	familyCategory
	familyRequest
	familyApp
)
