//go:build engine

package docker_test

import (
	"os"
	"testing"

	"github.com/overcloud/overcloud/internal/spec"
)

// TestRealEngine holds a real engine to its promises:
//
//	OVERCLOUD_TEST_ENGINE=unix:///var/run/docker.sock go test -tags engine ./internal/docker/
//
// It makes and removes containers, a network and a volume of a service called "promises", and leaves the
// images that it pulled. The engine must be on this machine: the registry is on its loopback.
func TestRealEngine(t *testing.T) {
	address := os.Getenv("OVERCLOUD_TEST_ENGINE")
	if address == "" {
		t.Skip("OVERCLOUD_TEST_ENGINE names no engine")
	}
	keepsPromises(t, spec.Box{Name: "real", Engine: address}, loopback)
}
