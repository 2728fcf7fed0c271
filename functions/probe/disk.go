package main

import (
	"encoding/json"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// Space is the line that `probe disk` prints, in bytes. In a container "/" lies in the engine's data root.
type Space struct {
	Free  int64 `json:"free"` // for users that are not root, as df says it
	Total int64 `json:"total"`
}

// disk says how much room there is at a path.
func disk(args []string, out, faults io.Writer) int {
	if len(args) != 1 {
		fmt.Fprintf(faults, "probe disk: one path, not %d arguments (see probe --help)\n", len(args))
		return 2
	}
	var space unix.Statfs_t
	if err := unix.Statfs(args[0], &space); err != nil {
		fmt.Fprintf(faults, "probe disk: look at %s: %v\n", args[0], err)
		return 1
	}
	said := Space{Free: int64(space.Bavail) * space.Bsize, Total: int64(space.Blocks) * space.Bsize}
	if err := json.NewEncoder(out).Encode(said); err != nil {
		fmt.Fprintf(faults, "probe disk: write the result: %v\n", err)
		return 1
	}
	return 0
}
