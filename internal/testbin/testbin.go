// Package testbin finds the binaries that tests run: what `make build` put into .overcloud/bin.
package testbin

import (
	"os"
	"path/filepath"
	"testing"
)

// Require says that the tests must not skip for want of a binary: `make test` sets it, after building them all.
const Require = "OVERCLOUD_E2E"

// Path is the absolute path of a binary. Without it the test is skipped, or fails where Require is set.
func Path(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(Root(t), ".overcloud", "bin", name)
	info, err := os.Stat(path)
	if err == nil && info.Mode().IsRegular() {
		return path
	}
	if os.Getenv(Require) != "" {
		t.Fatalf("%s is set and there is no %s: run make build", Require, path)
	}
	t.Skipf("no %s here: make build builds it", name)
	return ""
}

// Root is the folder of the module that the test belongs to.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test's folder")
		}
	}
}
