//go:build integration

package docker_test

import (
	"testing"

	boxes "github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/labtest"
)

// TestLabBox holds a real engine, reached over mutual TLS at an address of its own, to its promises.
func TestLabBox(t *testing.T) {
	l := labtest.New(t, boxes.Options{Boxes: 1})
	l.PlainRegistry().Stop() // the tests' own registry stands in its place, where the engine takes plain HTTP
	keepsPromises(t, l.Boxes()[0], l.PlainRegistry().Host())
}
