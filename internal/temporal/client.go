// Package temporal is the way in to the running workflows: it starts, updates, asks and ends them, keeps the
// reconciling schedules, and turns Temporal's errors into the few of package fault, each one clear sentence.
// It decides nothing: what a message does is the workflows' own.
package temporal

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
)

// Options say which Temporal to talk to.
type Options struct {
	Address   string // host:port of the frontend; empty is 127.0.0.1:7233
	Namespace string // empty is default
	Logger    *slog.Logger
	TLS       *tls.Config // nil: plain text
	Identity  string      // shown in the Web UI; empty is process and host
}

// Client talks to one Temporal. It is safe for many goroutines.
type Client struct {
	sdk       client.Client
	address   string
	namespace string
	histories histories
}

// Dial makes a client. It connects to nothing yet: a server that is away shows at the first call, as
// fault.ErrUnreachable with the address, and a later call finds it when it is back.
func Dial(options Options) (*Client, error) {
	address := cmp.Or(options.Address, client.DefaultHostPort)
	logger := options.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	namespace := cmp.Or(options.Namespace, client.DefaultNamespace)
	sdk, err := client.NewLazyClient(client.Options{
		HostPort: address, Namespace: namespace, Identity: options.Identity,
		Logger:            sdklog.NewStructuredLogger(logger),
		ConnectionOptions: client.ConnectionOptions{TLS: options.TLS},
	})
	if err != nil {
		return nil, fmt.Errorf("make a client of Temporal at %s: %w", address, err)
	}
	return &Client{sdk: sdk, address: address, namespace: namespace}, nil
}

// SDK is the client that a worker is made with.
func (c *Client) SDK() client.Client { return c.sdk }

// Close ends the connection.
func (c *Client) Close() { c.sdk.Close() }

// Ping says whether Temporal answers. Errors: ErrUnreachable.
func (c *Client) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := c.sdk.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return c.fault(err, "Temporal")
	}
	return nil
}

// patience bounds every call but those that wait for a workflow's end: 10 s outlast a restart of a worker
// (5 s until its cached workflows go to another) and not a person's.
const patience = 10 * time.Second

// acceptance bounds an update, which is not to be sent twice: Temporal hands a lost task out again after 10 s.
const acceptance = 30 * time.Second
