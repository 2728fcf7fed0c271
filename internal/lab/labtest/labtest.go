//go:build integration

// Package labtest gives integration tests a lab of real Docker engines that goes with the test. Its build tag
// keeps it, and whatever uses it, out of the hermetic tests: go test -tags integration, as root.
package labtest

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/docker/docker/client"

	"github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/spec"
)

// New brings a lab up for one test, or fails it with the one sentence that says what is missing. The lab goes
// when the test ends; a failed test first logs what each engine wrote last.
func New(t testing.TB, o lab.Options) *lab.Lab {
	t.Helper()
	l, err := lab.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, box := range l.Boxes() {
				t.Logf("the engine of %s:\n%s", box.Name, l.EngineLog(box.Name))
			}
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// Image pushes a test image, or fails the test.
func Image(t testing.TB, l *lab.Lab, image lab.TestImage) lab.Image {
	t.Helper()
	pushed, err := l.PushTestImage(t.Context(), image)
	if err != nil {
		t.Fatal(err)
	}
	return pushed
}

// Client is a Docker client of a box, to look behind the product's back.
func Client(t testing.TB, box spec.Box) *client.Client {
	t.Helper()
	options := []client.Opt{client.WithHost(box.Engine), client.WithAPIVersionNegotiation()}
	if box.TLS != "" {
		options = append(options, client.WithTLSClientConfig(
			filepath.Join(box.TLS, "ca.pem"), filepath.Join(box.TLS, "cert.pem"), filepath.Join(box.TLS, "key.pem")))
	}
	api, err := client.NewClientWithOpts(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := api.Close(); err != nil {
			t.Error(err)
		}
	})
	return api
}

// Exec runs a program inside a box and gives its output, or fails the test.
func Exec(t testing.TB, l *lab.Lab, box string, argv ...string) string {
	t.Helper()
	out, err := l.Exec(context.WithoutCancel(t.Context()), box, argv...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
