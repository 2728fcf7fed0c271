package docker

import (
	"context"
	"net"
	"net/url"
	"time"

	"github.com/containerd/errdefs"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
)

const (
	// answerTimeout is for a connection and for a ping: on a LAN both take milliseconds.
	answerTimeout = 3 * time.Second
	// inquiryTimeout is for the registry's answer to an engine, which itself gives a connection up after 15 s.
	inquiryTimeout = 20 * time.Second
)

// Inquire implements activities.Engine. The engine itself is made to ask the registry for the manifest, so
// names, routes, proxies and certificates are the box's own.
func (e *Engine) Inquire(ctx context.Context, pull plan.Pull, from activities.Source) activities.Evidence {
	found := activities.Evidence{FreeDisk: unknownDisk}
	if found.Dial = e.dialEngine(ctx); found.Dial != nil {
		return found
	}
	pinging, cancel := context.WithTimeout(ctx, answerTimeout)
	_, err := e.api.Ping(pinging)
	cancel()
	if err != nil {
		found.Ping = classify(ctx, err)
		return found
	}
	auth, err := authOf(from)
	if err != nil {
		return found // no credentials, no question; the pull said so already
	}
	asking, cancel := context.WithTimeout(ctx, inquiryTimeout)
	defer cancel()
	_, err = e.api.DistributionInspect(asking, sourceOf(pull, from), auth)
	if errdefs.IsNotImplemented(err) {
		return found
	}
	found.Asked = true
	switch {
	case err == nil:
	case asking.Err() != nil && ctx.Err() == nil:
		found.Registry = &fault.Pull{Check: fault.CheckTCP, Words: "no answer within " + inquiryTimeout.String(), Err: fault.ErrNetwork}
	default:
		found.Registry = classifyPull(ctx, err)
	}
	return found
}

// dialEngine connects to the engine's address, where that is one that can be dialled without credentials.
func (e *Engine) dialEngine(ctx context.Context) error {
	where, err := url.Parse(e.box.Engine)
	if err != nil {
		return err
	}
	network, address := where.Scheme, where.Host
	switch network {
	case "unix":
		address = where.Path
	case "tcp":
	default:
		return nil
	}
	dialler := net.Dialer{Timeout: answerTimeout}
	connection, err := dialler.DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	return connection.Close()
}
