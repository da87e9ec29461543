// Package ui holds the browser client as it was built by Vite, for package web to serve. It has no code of its own:
// the sources of the client stand beside this file, and `make` writes what they build to dist/app.
package ui

import (
	"embed"
	"io/fs"
)

// dist always holds .gitkeep, and dist/app only once the client was built. The pattern needs all: because a folder with
// nothing but dot files would otherwise not compile, and a fresh clone must build without Node.
//
//go:embed all:dist
var dist embed.FS

// Built returns the files of the client with index.html at the root, and whether it was built at all.
func Built() (app fs.FS, ok bool) {
	app, err := fs.Sub(dist, "dist/app")
	if err != nil {
		return nil, false
	}
	if _, err := fs.Stat(app, "index.html"); err != nil {
		return nil, false
	}
	return app, true
}
