package bolt

import (
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// A lock that is kept with its time would outlive a process that was killed, and nobody could go on with what that one has
// left. So its holder also has a file of its own locked by the operating system, which lets go of it when the process ends,
// however it ends. It is a database only because those are locked on every system.

// alive are the files that this process has locked, by path and holder: they are the process's, not a value's.
var alive = struct {
	sync.Mutex
	files map[[2]string]*bbolt.DB
}{files: map[[2]string]*bbolt.DB{}}

// aliveKey names the file of a lock's holder.
func aliveKey(path, holder string) [2]string {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	return [2]string{path, holder}
}

// live locks the file that shows that the holder lives, and reports whether it is the holder's now. It is not while another
// process, or another holder in this one, has it.
func live(path, holder string) bool {
	alive.Lock()
	defer alive.Unlock()
	key := aliveKey(path, holder)
	if alive.files[key] != nil {
		return true
	}
	b, err := bbolt.Open(path+".alive", 0o600, &bbolt.Options{Timeout: time.Nanosecond, NoStatistics: true})
	if err != nil { // or it cannot be made: then a lock ends by its time alone
		return false
	}
	alive.files[key] = b
	return true
}

// die lets go of it.
func die(path, holder string) error {
	alive.Lock()
	defer alive.Unlock()
	key := aliveKey(path, holder)
	b := alive.files[key]
	if b == nil {
		return nil
	}
	delete(alive.files, key)
	return b.Close()
}

// here is the name of this machine; empty where it has none. What another machine has locked in a directory that both see
// may look free from here.
func here() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}
