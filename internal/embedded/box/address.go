package box

import (
	"fmt"
	"net"
	"strconv"

	api "github.com/docker/docker/api/types/container"

	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

// lastAddress is the highest n of 127.77.<index>.<n>; 1 is shown as the gateway, 255 is a broadcast.
const (
	firstAddress = 2
	lastAddress  = 254
)

// addresses hands out the n of 127.77.<index>.<n>. The box's mutex guards it.
type addresses struct {
	index int
	used  map[int]bool
	last  int // the search goes on after it, so that a freed address is not given away at once
}

func (a *addresses) take() (int, error) {
	for i := range lastAddress - firstAddress + 1 {
		n := firstAddress + (max(a.last-firstAddress, -1)+1+i)%(lastAddress-firstAddress+1)
		if !a.used[n] {
			a.used[n], a.last = true, n
			return n, nil
		}
	}
	return 0, status.Failed("no address is left: a process box has %d", lastAddress-firstAddress+1)
}

func (a *addresses) free(n int) { delete(a.used, n) }

func (b *Box) ip(n int) string { return fmt.Sprintf("127.77.%d.%d", b.options.Index, n) }

// ownAddress reports whether a container gets an address of its own.
func ownAddress(mode api.NetworkMode) bool { return !mode.IsContainer() && !mode.IsHost() }

// address is where the container listens: its own, the machine's, or another container's.
func (c *container) address() (string, error) {
	record := c.copy()
	switch mode := record.HostConfig.NetworkMode; {
	case mode.IsHost():
		return "127.0.0.1", nil
	case mode.IsContainer():
		other, err := c.box.find(mode.ConnectedContainer())
		if err != nil {
			return "", err
		}
		if !other.live() {
			return "", status.Conflict("cannot join network of a non running container: %s", other.copy().ID)
		}
		if other.copy().HostConfig.NetworkMode.IsContainer() {
			return "", status.Conflict("cannot join the network of container %s, which joins another one's", other.copy().ID)
		}
		return other.address()
	}
	return c.box.ip(record.Address), nil
}

// free checks that nobody listens where the container will. Two boxes with one index would otherwise serve
// each other's callers without a word.
func (c *container) checkFree(host string) error {
	record := c.copy()
	if record.Address == 0 {
		return nil
	}
	for port := range record.Config.ExposedPorts {
		if port.Proto() != "tcp" {
			continue
		}
		address := net.JoinHostPort(host, strconv.Itoa(port.Int()))
		var config net.ListenConfig
		listener, err := config.Listen(c.box.ctx, "tcp", address)
		if err != nil {
			return status.Failed("the container's own address %s is not free (does another process box with index %d run?): %v", address, c.box.options.Index, err)
		}
		listener.Close()
	}
	return nil
}
