package spec

import (
	"cmp"
	"net"
	"net/url"
	"strconv"
)

// SSHAccess is how a box is reached over SSH.
type SSHAccess struct {
	User string
	Host string
	Port int // 1 to 65535; 22 unless said otherwise
}

// Address is host:port.
func (a SSHAccess) Address() string { return net.JoinHostPort(a.Host, strconv.Itoa(a.Port)) }

// String is user@host, with the port when it is not 22: as a person writes it.
func (a SSHAccess) String() string {
	if a.Port == portSSH {
		return a.User + "@" + a.Host
	}
	return a.User + "@" + a.Address()
}

// portSSH is where an sshd listens unless told otherwise; defaultSocket is where an engine does.
const (
	portSSH       = 22
	defaultSocket = "/var/run/docker.sock"
)

// SSHAccess is how commands are run on the box: as its `ssh` says, else as its ssh:// engine is reached. False
// when it has neither, or one that cannot be read.
func (b Box) SSHAccess() (SSHAccess, bool) {
	if b.SSH != "" {
		return sshAccess("ssh://" + b.SSH)
	}
	return b.EngineSSH()
}

// EngineSSH is how an ssh:// engine is reached; false for every other engine.
func (b Box) EngineSSH() (SSHAccess, bool) { return sshAccess(b.Engine) }

func sshAccess(address string) (SSHAccess, bool) {
	where, err := url.Parse(address)
	if err != nil || where.Scheme != "ssh" || where.Hostname() == "" || where.User.Username() == "" {
		return SSHAccess{}, false
	}
	port, err := strconv.Atoi(cmp.Or(where.Port(), strconv.Itoa(portSSH)))
	if err != nil || port < 1 || port > 65535 {
		return SSHAccess{}, false
	}
	return SSHAccess{User: where.User.Username(), Host: where.Hostname(), Port: port}, true
}

// EngineSocket is the path of the engine's socket on the box: that of an ssh:// or unix:// engine, else
// /var/run/docker.sock.
func (b Box) EngineSocket() string {
	where, err := url.Parse(b.Engine)
	if err != nil || where.Scheme == "tcp" || where.Path == "" || where.Path == "/" {
		return defaultSocket
	}
	return where.Path
}

// engineSSH checks the address of an ssh:// engine. A password in it would enter histories and logs, so it is
// refused and not repeated.
func (c *check) engineSSH(path string, engine *url.URL, b Box) {
	_, ok := b.EngineSSH()
	_, password := engine.User.Password()
	switch {
	case password:
		c.add(path, "engine of box %q holds a password: write ssh://user@host, and let the worker log in with a key", b.Name)
	case !ok:
		c.add(path, "engine %q of box %q needs user and host: ssh://user@host, ssh://user@host:port or ssh://user@host/run/docker.sock", b.Engine, b.Name)
	}
}
