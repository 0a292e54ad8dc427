package boot

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/postroom/postroom/core/pipeline"
)

// Records of provisioning are compressed JSON, because a plan for a large tenant has megabytes that say nearly the same.

// maxRecord is how long a record may be; [dynamo.Table.SaveRecord] takes no more.
const maxRecord = 340 << 10

// maxInflated bounds what a record becomes in memory.
const maxInflated = 64 << 20

// loadRecord reads a record into v, which stays as it is where there is none. It gives the record's version.
func loadRecord(ctx context.Context, records Records, name string, v any) (int64, error) {
	value, version, err := records.Record(ctx, name)
	if err != nil || version == 0 {
		return version, err
	}
	r, err := gzip.NewReader(bytes.NewReader(value))
	if err != nil {
		return version, fmt.Errorf("record %s: %w", name, err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxInflated))
	if err == nil {
		err = json.Unmarshal(plain, v)
	}
	if err != nil {
		return version, fmt.Errorf("record %s: %w", name, err)
	}
	return version, nil
}

// saveRecord stores v if the record still has that version; else it fails with pipeline.ErrConflict.
func saveRecord(ctx context.Context, records Records, name string, v any, version int64) error {
	plain, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err = w.Write(plain)
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	if packed.Len() > maxRecord {
		return &pipeline.Permanent{What: fmt.Sprintf("record %s has %d KB, and a record takes %d", name, packed.Len()>>10, maxRecord>>10),
			Fix: "do fewer mailboxes at once"}
	}
	return records.SaveRecord(ctx, name, packed.Bytes(), version)
}
