// Package coap serves the 2017 way of orders: PUT coap://pi/?name=AC&temperature=T. It owns the protocol, who may speak
// it and how fast; what an order means is its caller's.
//
// It is off by default. Without a key it listens on loopback only, since plain CoAP knows no senders; elsewhere it asks
// for DTLS with a pre-shared key.
package coap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	piondtls "github.com/pion/dtls/v3"
	dtls "github.com/plgd-dev/go-coap/v3/dtls/server"
	"github.com/plgd-dev/go-coap/v3/message/pool"
	coapnet "github.com/plgd-dev/go-coap/v3/net"
	"github.com/plgd-dev/go-coap/v3/net/monitor/inactivity"
	"github.com/plgd-dev/go-coap/v3/options/config"
	"github.com/plgd-dev/go-coap/v3/udp/client"
	udp "github.com/plgd-dev/go-coap/v3/udp/server"

	"github.com/overcloud/overcloud/internal/fault"
)

// Config is where it listens and who may speak.
type Config struct {
	Listen string // host:port; the port of CoAP is 5683, with DTLS 5684
	// Identity and Key are DTLS's pre-shared key; without them Listen has to be on loopback.
	Identity string
	Key      []byte
}

// leastKey is the length of a key that nobody guesses, bytes.
const leastKey = 16

// Validate refuses a configuration that would let anybody in. Errors are ErrInvalid: one sentence.
func (c Config) Validate() error {
	refused := func(format string, args ...any) error {
		return fmt.Errorf("coap: %s: %w", fmt.Sprintf(format, args...), fault.ErrInvalid)
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return refused("%q is no address (write 127.0.0.1:5683)", c.Listen)
	}
	switch {
	case len(c.Key) == 0 && c.Identity != "":
		return refused("identity %q has no key", c.Identity)
	case len(c.Key) > 0 && c.Identity == "":
		return refused("the key has no identity")
	case len(c.Key) > 0 && len(c.Key) < leastKey:
		return refused("the key has %d bytes: use %d or more", len(c.Key), leastKey)
	case len(c.Key) > 0 || host == "localhost":
		return nil
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return refused("%s is not on loopback: anybody there could set the air conditioners; give a key (DTLS) or listen on 127.0.0.1", c.Listen)
	}
	return nil
}

// Order is what a person wants of one air conditioner.
type Order struct {
	Power bool
	// Setpoint is °C; 0 with Power means the one that it had.
	Setpoint int
}

// Tell carries an order out. Its errors are for the person who gave it: fault.ErrNotFound for a name that is unknown,
// fault.ErrInvalid for what cannot be, fault.RetryAfter for what comes too soon.
type Tell func(ctx context.Context, name string, o Order) error

// Bounds of what a flood can take: sessions at once, bytes of a datagram, and how long a silent session is kept.
const (
	sessionsMost  = 32
	messageMost   = 1152 // bytes; RFC 7252 4.6
	silentMost    = 5 * time.Second
	handshakeMost = 5 * time.Second
)

// Server is one that listens.
type Server struct {
	address net.Addr
	serve   func() error
	stop    func()
}

// Listen begins to listen; Serve answers. Errors: ErrInvalid; the system's when the address is taken.
func Listen(c Config, tell Tell) (*Server, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	h := &handler{tell: tell, bucket: newBucket(time.Now())}
	if len(c.Key) > 0 {
		return listenDTLS(c, h)
	}
	l, err := coapnet.NewListenUDP("udp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("coap: listen on %s: %w", c.Listen, err)
	}
	server := udp.New(settings{handler: h, sessions: make(chan struct{}, sessionsMost)})
	return &Server{address: l.LocalAddr(), serve: func() error { return server.Serve(l) }, stop: server.Stop}, nil
}

func listenDTLS(c Config, h *handler) (*Server, error) {
	inner, err := coapnet.NewDTLSListener("udp", c.Listen, coapnet.NewDTLSServerOptions(
		piondtls.WithPSK(func(identity []byte) ([]byte, error) {
			if string(identity) != c.Identity {
				return nil, errors.New("unknown identity")
			}
			return c.Key, nil
		}),
		piondtls.WithPSKIdentityHint([]byte(c.Identity)),
		// The first has forward secrecy; the second is the one that every CoAP device knows (RFC 7252 9.1.3.1).
		piondtls.WithCipherSuites(piondtls.TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256, piondtls.TLS_PSK_WITH_AES_128_CCM_8),
	))
	if err != nil {
		return nil, fmt.Errorf("coap: listen on %s: %w", c.Listen, err)
	}
	l := &bounded{listener: inner, places: make(chan struct{}, sessionsMost)}
	server := dtls.New(settings{handler: h})
	return &Server{address: inner.Addr(), serve: func() error { return server.Serve(l) }, stop: server.Stop}, nil
}

// settings are an option of both kinds of server. (The library's own options bring its TCP part along: a megabyte of a
// small binary.)
type settings struct {
	handler  *handler
	sessions chan struct{} // of the plain server; the other's are bounded
}

func (s settings) apply(c *config.Common[*client.Conn]) {
	c.Errors, c.MaxMessageSize, c.BlockwiseEnable, c.ReceivedMessageQueueSize = quiet, messageMost, false, 8
	c.MessagePool = pool.New(sessionsMost, messageMost)
}

func monitor() client.InactivityMonitor { return inactivity.New(silentMost, hangUp) }

// UDPServerApply sets up the plain server.
func (s settings) UDPServerApply(c *udp.Config) {
	s.apply(&c.Common)
	c.Handler, c.CreateInactivityMonitor = s.handler.serve, monitor
	c.OnNewConn = func(cc *client.Conn) {
		select {
		case s.sessions <- struct{}{}:
			cc.AddOnClose(func() { <-s.sessions })
		default:
			hangUp(cc)
		}
	}
}

// DTLSServerApply sets up the one with a key.
func (s settings) DTLSServerApply(c *dtls.Config) {
	s.apply(&c.Common)
	c.Handler, c.CreateInactivityMonitor, c.HandshakeTimeout = s.handler.serve, monitor, handshakeMost
}

// Address is where it listens.
func (s *Server) Address() net.Addr { return s.address }

// Serve answers until ctx ends.
func (s *Server) Serve(ctx context.Context) error {
	stopped := context.AfterFunc(ctx, s.stop)
	defer stopped()
	if err := s.serve(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("coap: serve on %s: %w", s.address, err)
	}
	return nil
}

// quiet takes what goes wrong with single peers: a daemon must not fill its log with somebody else's nonsense.
func quiet(err error) { slog.Debug("coap", "error", err) }

func hangUp(cc *client.Conn) {
	if err := cc.Close(); err != nil {
		quiet(err)
	}
}

// bounded is a DTLS listener with so many places.
type bounded struct {
	listener *coapnet.DTLSListener
	places   chan struct{}
}

// Close closes the listener.
func (b *bounded) Close() error { return b.listener.Close() }

// AcceptWithContext takes the next peer, and hangs up on those for whom there is no place.
func (b *bounded) AcceptWithContext(ctx context.Context) (net.Conn, error) {
	for {
		c, err := b.listener.AcceptWithContext(ctx)
		if err != nil {
			return nil, err
		}
		select {
		case b.places <- struct{}{}:
			return &placed{Conn: c, leave: b.places}, nil
		default:
			if err := c.Close(); err != nil {
				quiet(err)
			}
		}
	}
}
