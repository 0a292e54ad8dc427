package bolt

// NoSync lets writes return before they are on the disk, so that tests do not wait for it and benchmarks measure
// only what Postroom does.
func (db *DB) NoSync() { db.bolt.NoSync = true }

// Path is where the file is.
func (db *DB) Path() string { return db.path }
