//go:build !cgo

package onnx

import "testing"

func TestWithoutCgoNoLibraryIsOpened(t *testing.T) {
	_, err := Open(Config{Library: "/nowhere.so", Models: folder(t, loudest(), nil, nil)})
	named(t, "no cgo", err, NotBuilt)
}
