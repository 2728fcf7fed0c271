package lirc_test

import (
	"strings"
	"testing"
	"time"

	"github.com/overcloud/overcloud/internal/lirc"
)

// The kernel's lirc_poll never says that a device can be written (drivers/media/rc/lirc_dev.c), so nobody may wait for it.
// A pseudo-terminal that nobody reads stands for a driver that says "try again".
func TestAWriteThatWouldBlockIsAnError(t *testing.T) {
	port, err := lirc.OpenDevice("/dev/ptmx")
	if err != nil {
		t.Skip("there are no pseudo-terminals here:", err)
	}
	defer port.Close()
	full := make(chan error, 1)
	go func() {
		for {
			if _, err := port.Write(make([]byte, 4096)); err != nil && !strings.Contains(err.Error(), "the kernel took") {
				full <- err
				return
			}
		}
	}()
	select {
	case err := <-full:
		t.Log(err)
	case <-time.After(3 * time.Second):
		t.Fatal("the write waits for what never comes")
	}
}
