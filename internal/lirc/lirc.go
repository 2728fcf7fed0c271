// Package lirc owns three ways of Linux to send and hear infrared: the socket of lircd, lircd's configuration files
// with their remotes and keys, and the kernel's own devices /dev/lirc0…. What a frame means is package infrared's.
package lirc

import (
	"fmt"
	"net"
	"path"
	"strings"

	"github.com/overcloud/overcloud/internal/fault"
)

// DefaultSocket is where lircd listens unless it is told another place (lircd(8)).
const DefaultSocket = "/var/run/lirc/lircd"

// DefaultPort is the TCP port of lircd's --listen. It asks nobody who they are.
const DefaultPort = "8765"

// Address is where a lircd listens.
type Address struct {
	Network string // unix or tcp
	Host    string // the socket's path, or host:port
}

// String is the address as a specification writes it.
func (a Address) String() string {
	if a.Network == "tcp" {
		return "lircd://" + a.Host
	}
	return "lircd:" + a.Host
}

// ParseAddress reads "lircd:" (the default socket), "lircd:/path/of/socket" or "lircd://host:port"; without a port
// it is DefaultPort. Errors are ErrInvalid.
func ParseAddress(text string) (Address, error) {
	rest, ok := strings.CutPrefix(text, "lircd:")
	switch {
	case !ok:
		return Address{}, fmt.Errorf("%q is no address of a lircd (write lircd:, lircd:/path or lircd://host:port): %w", text, fault.ErrInvalid)
	case rest == "":
		return Address{Network: "unix", Host: DefaultSocket}, nil
	case strings.HasPrefix(rest, "//"):
		return parseTCP(text, strings.TrimPrefix(rest, "//"))
	case !path.IsAbs(rest):
		return Address{}, fmt.Errorf("%q: the path of lircd's socket must begin with /: %w", text, fault.ErrInvalid)
	case len(rest) > 107: // sockaddr_un has room for 108 bytes with the closing zero
		return Address{}, fmt.Errorf("%q: the path of a socket has at most 107 bytes: %w", text, fault.ErrInvalid)
	}
	return Address{Network: "unix", Host: rest}, nil
}

func parseTCP(text, hostPort string) (Address, error) {
	if hostPort != "" && !strings.Contains(hostPort, ":") {
		hostPort = net.JoinHostPort(hostPort, DefaultPort)
	}
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil || host == "" || port == "" {
		return Address{}, fmt.Errorf("%q names no host and port of a lircd (write lircd://host:%s): %w", text, DefaultPort, fault.ErrInvalid)
	}
	return Address{Network: "tcp", Host: hostPort}, nil
}
