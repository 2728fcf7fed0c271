package up

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"github.com/overcloud/overcloud/internal/spec"
)

// validate finds what is wrong with the options by themselves: numbers that are no ports, two that ask for
// the same one, speeds that no room has.
func (o Options) validate() error {
	var faults []error
	if o.StateDir == "" {
		faults = append(faults, errors.New("--state-dir is empty: name a folder"))
	}
	if !(o.Speed >= 0.1 && o.Speed <= 100) { // NaN too
		faults = append(faults, fmt.Errorf("--speed is %g: give a number from 0.1 to 100", o.Speed))
	}
	seen := map[int]named{}
	for _, p := range append(o.servers(), o.movable()...) {
		if p.port < 1 || p.port > 65535 {
			faults = append(faults, fmt.Errorf("%d is no port for %s: give %s a number from 1 to 65535", p.port, p.what, p.option))
			continue
		}
		if other, twice := seen[p.port]; twice {
			faults = append(faults, fmt.Errorf("port %d is asked for by %s and by %s: change %s or %s",
				p.port, other.what, p.what, other.option, p.option))
			continue
		}
		seen[p.port] = p
	}
	return errors.Join(faults...)
}

// published are the ports that a service asks for on this machine, each with the option that moves it.
func (o Options) published(service spec.Service) []named {
	options := map[int]named{}
	for _, p := range o.movable() {
		options[p.port] = p
	}
	var ports []named
	for _, f := range service.Functions {
		for _, p := range f.Ports {
			if p.Host == 0 || (p.HostIP != "" && p.HostIP != "127.0.0.1" && p.HostIP != "0.0.0.0") {
				continue
			}
			one, known := options[p.Host]
			if !known {
				one = named{p.Host, "function " + f.Name, "ports: in " + o.Specification}
			}
			ports = append(ports, one)
		}
	}
	return ports
}

// free finds every port that is taken.
func free(ctx context.Context, ports []named) error {
	var faults []error
	for _, p := range ports {
		var config net.ListenConfig
		listener, err := config.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)))
		switch {
		case err == nil:
			faults = append(faults, listener.Close())
		case errors.Is(err, syscall.EADDRINUSE):
			faults = append(faults, fmt.Errorf("port %d for %s is taken: stop what listens there, or choose another with %s", p.port, p.what, p.option))
		default:
			faults = append(faults, fmt.Errorf("port %d for %s cannot be opened (%w): choose another with %s", p.port, p.what, errors.Unwrap(err), p.option))
		}
	}
	return errors.Join(faults...)
}
