package dynamo

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// A value begins with a byte that says how it is written. What a format means never changes; a new dictionary is a new
// format.
const (
	formatJSON    = 1 // JSON
	formatDeflate = 2 // JSON, deflated with dictionary
)

// maxValue is how long a value may be when it is inflated. An item has at most 400 KB, but what strangers write deflates
// well.
const maxValue = 16 << 20

// dictionary is JSON as most values have it, the commonest last, where a reference is shortest.
const dictionary = `{"cursor":"","cutOver":"","listed":true,"resyncs":1,"midway":true,"relisting":true,"synced":"","version":` +
	`https://graph.microsoft.com/v1.0/users/messages/delta?$deltatoken=` +
	`"secret":[],"target":"https://","expires":"","renewed":"` +
	`"kind":"prioritised","by":"member:"kind":"untagged","kind":"deleted","kind":"refused","priority":"urgent"` +
	`"skill":"","overflow":true,"imported":true,"automated":"auto-submitted"tags":["VIP"],"tag":"VIP"` +
	`"place":"elsewhere"place":"trash"place":"junk","was":"inbox"},"kind":"moved","by":"team","place":"archive"` +
	`"from":"round-robin: it is the turn of least-loaded: has open: kept: had it before handled this customer 0 days ago` +
	`"kind":"reopened","by":"customer","kind":"closed","by":"team","kind":"waiting","by":"postroom","kind":"released"` +
	`"kind":"escalated","kind":"tagged","kind":"sent","direction":"out"kind":"answered","by":"team","message":"` +
	`"to":{"name":"","address":"@example.com"},"answers":1,"former":"","taken":"2026-` +
	`"lastOut":"2026-","status":"closed","status":"waiting","gone":true,"AAMkAD AQkAD AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A==` +
	`Re: Your order question about invoice Frage zu Rechnung Bestellung ` +
	`{"c":{"id":"","mailbox":"","thread":"AAQkAD","seq":2,"status":"open","owner":"","subject":"Re: ","customer":{"name":"",` +
	`"address":"@example.com"},"opened":"2026-0","changed":"2026-0","lastIn":"2026-0","received":1,"inInbox":1,"refs":[1` +
	`],"people":[1]},"e":[{"seq":1,"at":"2026-0","kind":"received","by":"customer","message":"AAkALgAAAAAA","mail":{"thread":"",` +
	`"direction":"in","from":{"name":"","address":"@gmail.com"},"subject":"","at":"2026-1","place":"inbox","refs":[],"people":[]},` +
	`"why":["a new conversation"]},{"seq":2,"at":"2026-","kind":"assigned","by":"postroom","message":"","member":"","why":[""]}],` +
	`"m":[{"n":0,"id":"","conversation":"","direction":"in","at":"2026-1","state":{"place":"inbox","markers":["@"],` +
	`"revision":"W/\"CQAAABYAAAA"AAA\"","stamp":1}}],` +
	`"a":[{"o":17,"key":"/000000000002","conversation":"","kind":"set-markers","markers":["@"],"messages":["AA"]}],"j":1,"s":}`

var (
	deflaters = sync.Pool{New: func() any {
		w, err := flate.NewWriterDict(io.Discard, flate.BestCompression, []byte(dictionary))
		if err != nil {
			panic(err) // only for a level that does not exist
		}
		return w
	}}
	inflaters = sync.Pool{New: func() any { return flate.NewReaderDict(bytes.NewReader(nil), []byte(dictionary)) }}
	buffers   = sync.Pool{New: func() any { return new(bytes.Buffer) }}
)

// maxKept bounds the buffers that are kept for the next value.
const maxKept = 1 << 20

// encode is v as the value of an attribute.
func encode(v any) ([]byte, error) {
	plain := buffers.Get().(*bytes.Buffer)
	defer func() {
		if plain.Cap() <= maxKept {
			plain.Reset()
			buffers.Put(plain)
		}
	}()
	enc := json.NewEncoder(plain)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	plain.Truncate(plain.Len() - 1) // the encoder ends with a line feed
	out := bytes.NewBuffer(make([]byte, 0, 64+plain.Len()/2))
	out.WriteByte(formatDeflate)
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	w.Reset(out)
	_, err := w.Write(plain.Bytes())
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	if out.Len() > 1+plain.Len() {
		return append([]byte{formatJSON}, plain.Bytes()...), nil
	}
	return out.Bytes(), nil
}

// decode is the inverse.
func decode(value []byte, v any) error {
	if len(value) == 0 {
		return errors.New("a value is missing")
	}
	switch value[0] {
	case formatJSON:
		return json.Unmarshal(value[1:], v)
	case formatDeflate:
		plain, err := inflate(value[1:])
		if err != nil {
			return err
		}
		return json.Unmarshal(plain, v)
	}
	return fmt.Errorf("a value is of format %d, this version of Postroom knows %d and %d: run the version that wrote it", value[0], formatJSON, formatDeflate)
}

func inflate(b []byte) ([]byte, error) {
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	if err := r.(flate.Resetter).Reset(bytes.NewReader(b), []byte(dictionary)); err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxValue+1))
	if err != nil {
		return nil, err
	}
	if len(plain) > maxValue {
		return nil, fmt.Errorf("a value has more than %d bytes", maxValue)
	}
	return plain, nil
}
