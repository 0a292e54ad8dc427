package msgraph

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// cursor is how far each folder of a mailbox has been read. It is stored as JSON.
type cursor struct {
	Version int             `json:"v"`
	Folders []*folderCursor `json:"f"`
	// Since: what was received before need not be told of, unless it has been brought in later.
	Since time.Time `json:"s,omitzero"`
}

const cursorVersion = 1

// folderCursor is one folder. It goes from unknown (no ID) through listing (Due, with or without a Link) to listed: a
// Link that is a delta link. A folder that is not there stays unknown and is looked for in every full round.
type folderCursor struct {
	Name string `json:"n"`           // well-known name, or display names joined by slashes
	ID   string `json:"i,omitempty"` // of the folder; "" until it is found
	Link string `json:"l,omitempty"` // next or delta link without the base URL; "" reads from the beginning
	Due  bool   `json:"d,omitempty"` // there is something to do at once

	// A path is found one name a round: Depth names of it have been, and Parent is the last one's folder.
	Parent string `json:"p,omitempty"`
	Depth  int    `json:"k,omitempty"`
}

// place is where messages of the folder lie.
func (f *folderCursor) place() inbox.Place { return placeNamed(f.Name) }

// listed folders are read for changes; the others' ids only tell a place.
func (f *folderCursor) listed() bool {
	for _, w := range wellKnown {
		if w.name == f.Name {
			return w.watch
		}
	}
	return true
}

// forget makes the folder unknown again.
func (f *folderCursor) forget() { *f = folderCursor{Name: f.Name} }

// decodeCursor reads a stored cursor and brings it in line with the folders that are watched now.
func (m *Mailbox) decodeCursor(stored inbox.Cursor) (*cursor, error) {
	var c cursor
	if stored != "" {
		if err := json.Unmarshal([]byte(stored), &c); err != nil || c.Version != cursorVersion {
			return nil, fmt.Errorf("graph: mailbox %s: the cursor is not of this program: %w", m.address, pipeline.ErrCursorExpired)
		}
	}
	kept := map[string]*folderCursor{}
	for _, f := range c.Folders {
		if f == nil || f.Link != "" && !linksTo(f.Link, "users") || f.Depth < 0 || f.Depth > strings.Count(f.Name, "/") {
			return nil, fmt.Errorf("graph: mailbox %s: the cursor is damaged: %w", m.address, pipeline.ErrCursorExpired)
		}
		kept[f.Name] = f
	}
	c = cursor{Version: cursorVersion, Since: c.Since}
	want := func(name string) {
		f := kept[name]
		if f == nil {
			f = &folderCursor{Name: name, Due: true}
		}
		c.Folders = append(c.Folders, f)
	}
	for _, w := range wellKnown {
		want(w.name)
	}
	for _, name := range m.folders {
		want(name)
	}
	return &c, nil
}

// due are the folders to read in the next round: those with something to do at once, else all.
func (c *cursor) due() []*folderCursor {
	var due, all []*folderCursor
	for _, f := range c.Folders {
		if f.Due {
			due = append(due, f)
		}
		if f.ID == "" || f.listed() {
			all = append(all, f)
		}
	}
	if len(due) > 0 {
		return due
	}
	return all
}

// more reports whether anything is left to do at once.
func (c *cursor) more() bool {
	for _, f := range c.Folders {
		if f.Due {
			return true
		}
	}
	return false
}

// places maps the ids of the well-known folders found so far.
func (c *cursor) places() map[string]inbox.Place {
	places := map[string]inbox.Place{}
	for _, f := range c.Folders {
		if p := f.place(); p != inbox.Elsewhere && f.ID != "" {
			places[f.ID] = p
		}
	}
	return places
}

func (c *cursor) encode() (inbox.Cursor, error) {
	b, err := json.Marshal(c)
	return inbox.Cursor(b), err
}
