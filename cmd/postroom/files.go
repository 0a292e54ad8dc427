package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/postroom/postroom/core/manifest"
)

// databaseName is the file in the data directory that holds state and queue.
const databaseName = "postroom.db"

// readManifest reads the manifest; what is wrong with it is in the error, one problem after the other.
func readManifest(name string) (*manifest.Manifest, error) {
	data, err := readManifestFile(name)
	if err != nil {
		return nil, err
	}
	return manifest.Parse(name, data)
}

func readManifestFile(name string) ([]byte, error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no manifest %s: name it with --config, or begin one with postroom init", name)
	}
	return data, err
}
