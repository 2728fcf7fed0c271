package agent

import "runtime/debug"

// Frugal sets the garbage collector for a box with little memory, for the whole process: main calls it once. A live
// heap of 3 MiB then stays below 5, at the price of more, short collections. The limit is a backstop for a queue of
// days that is being emptied: above it the collector works harder instead of taking more.
func Frugal() {
	const (
		growth = 40       // percent of the live heap
		limit  = 14 << 20 // bytes of Go's memory; the binary's own pages come on top
	)
	debug.SetGCPercent(growth)
	debug.SetMemoryLimit(limit)
}
