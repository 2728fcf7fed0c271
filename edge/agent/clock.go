package agent

import "golang.org/x/sys/unix"

// clock says whether this box's wall clock can be trusted. A Pi has no clock of its own: until it has asked
// the network, commands are ordered by revision alone and readings are marked.
type clock struct{ kernel bool }

// unsynchronised is the kernel's STA_UNSYNC: nobody disciplines the clock.
const unsynchronised = 0x0040

func (c *clock) trusted() bool {
	if !c.kernel {
		return true
	}
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err != nil {
		return false
	}
	return t.Status&unsynchronised == 0
}
