// Package fn is the little that every function's main needs: where it is (box, root folder, listening
// address), signals, a structured log, and a health endpoint with its probe.
//
// In a container on a Docker engine all of it falls back to what a container expects. On a process box the
// engine sets OVERCLOUD_ROOT (the folder that stands for "/") and OVERCLOUD_LISTEN_HOST (the function's own
// 127.x.y.z address), since a process has neither mounts nor a network of its own.
package fn

import (
	"cmp"
	"net"
	"path/filepath"
)

// Environment variables that OverCloud sets in every container that it starts.
const (
	EnvService    = "OVERCLOUD_SERVICE"
	EnvFunction   = "OVERCLOUD_FUNCTION"
	EnvReplica    = "OVERCLOUD_REPLICA"
	EnvBox        = "OVERCLOUD_BOX"
	EnvRoot       = "OVERCLOUD_ROOT"
	EnvListenHost = "OVERCLOUD_LISTEN_HOST"
)

// Path is where an absolute path of the container really is.
func Path(getenv func(string) string, path string) string {
	root := getenv(EnvRoot)
	if root == "" {
		return path
	}
	return filepath.Join(root, path)
}

// Listen is the address to listen on for a port of the container.
func Listen(getenv func(string) string, port string) string {
	return net.JoinHostPort(cmp.Or(getenv(EnvListenHost), "0.0.0.0"), port)
}
