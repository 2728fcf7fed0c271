package box

import (
	"cmp"
	"errors"
	"net"
	"slices"
	"strconv"

	api "github.com/docker/docker/api/types/container"
	"github.com/docker/go-connections/nat"

	"github.com/overcloud/overcloud/internal/embedded/box/ports"
	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

// published is a port that is forwarded.
type published struct {
	port  nat.Port
	proxy *ports.Proxy
}

// publish opens the container's published ports, all or none.
func (c *container) publish(host string) ([]published, error) {
	record := c.copy()
	bindings := record.HostConfig.PortBindings
	if record.HostConfig.NetworkMode.IsHost() || record.HostConfig.NetworkMode.IsContainer() {
		return nil, nil
	}
	if record.HostConfig.PublishAllPorts {
		bindings = nat.PortMap{}
		for port := range record.Config.ExposedPorts {
			bindings[port] = []nat.PortBinding{{}}
		}
		for port, given := range record.HostConfig.PortBindings {
			bindings[port] = given
		}
	}
	var open []published
	for port, wanted := range bindings {
		if len(wanted) == 0 {
			wanted = []nat.PortBinding{{}}
		}
		for _, binding := range wanted {
			proxy, err := c.publishOne(net.JoinHostPort(host, port.Port()), binding)
			if err != nil {
				closePorts(open)
				return nil, status.Failed("driver failed programming external connectivity on endpoint %s (%s): %v", record.Name, record.ID, err)
			}
			open = append(open, published{port: port, proxy: proxy})
		}
	}
	return open, nil
}

func (c *container) publishOne(target string, binding nat.PortBinding) (*ports.Proxy, error) {
	first, last, err := hostPorts(binding)
	if err != nil {
		return nil, err
	}
	ip := cmp.Or(binding.HostIP, "127.0.0.1")
	for port := first; ; port++ {
		address := net.JoinHostPort(ip, strconv.Itoa(port))
		proxy, err := ports.Listen(c.box.ctx, address, target, c.box.logger)
		if errors.Is(err, ports.ErrTaken) {
			if port < last {
				continue
			}
			return nil, status.Failed("Bind for %s failed: port is already allocated", address)
		}
		return proxy, err
	}
}

func closePorts(open []published) {
	for _, p := range open {
		p.proxy.Close()
	}
}

// portMap is what is published now, with the exposed ports that are not.
func (c *container) portMap() nat.PortMap {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := nat.PortMap{}
	for port := range c.record.Config.ExposedPorts {
		all[port] = nil
	}
	if c.run == nil {
		return all
	}
	for _, p := range c.run.ports {
		at := p.proxy.Address()
		all[p.port] = append(all[p.port], nat.PortBinding{HostIP: at.IP.String(), HostPort: strconv.Itoa(at.Port)})
	}
	return all
}

// portList is portMap as `docker ps` wants it, sorted.
func (c *container) portList() []api.Port {
	list := []api.Port{}
	for port, bindings := range c.portMap() {
		if len(bindings) == 0 {
			list = append(list, api.Port{PrivatePort: uint16(port.Int()), Type: port.Proto()})
		}
		for _, binding := range bindings {
			public, err := strconv.Atoi(binding.HostPort)
			if err != nil {
				continue // written by portMap from a number
			}
			list = append(list, api.Port{IP: binding.HostIP, PrivatePort: uint16(port.Int()), PublicPort: uint16(public), Type: port.Proto()})
		}
	}
	slices.SortFunc(list, func(a, b api.Port) int {
		return cmp.Or(cmp.Compare(a.PrivatePort, b.PrivatePort), cmp.Compare(a.PublicPort, b.PublicPort), cmp.Compare(a.IP, b.IP))
	})
	return list
}
