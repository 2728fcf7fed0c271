// Package swarmkit holds nothing: its module pins the version of swarmkit whose scheduler benchmark is run beside
// ours.
package swarmkit

import (
	_ "github.com/moby/swarmkit/v2/manager/scheduler" // the package with the benchmark
)
