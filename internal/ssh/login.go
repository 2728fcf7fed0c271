package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// login connects and proves both sides to each other. Errors: ErrUnreachable; ErrUnauthorised, when the box takes
// none of our keys; ErrRejected, when its host key is not known or not the known one; ErrInvalid, when we have no
// key at all. Each is a sentence that says what to do.
func (h *Hosts) login(ctx context.Context, access spec.SSHAccess) (*ssh.Client, error) {
	known, err := h.knownHosts()
	if err != nil {
		return nil, err
	}
	keys, err := h.keys(ctx)
	if err != nil {
		return nil, err
	}
	defer keys.close()
	dialer := net.Dialer{Timeout: connectTimeout, KeepAlive: keepaliveEvery}
	raw, err := dialer.DialContext(ctx, "tcp", access.Address())
	if err != nil {
		return nil, awayFault(ctx, access, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	_ = raw.SetDeadline(time.Now().Add(loginTimeout)) // a TCP connection takes deadlines
	var offered []string
	config := &ssh.ClientConfig{
		User: access.User,
		Auth: []ssh.AuthMethod{ssh.PublicKeysCallback(func() ([]ssh.Signer, error) {
			offered = keys.names
			return keys.signers, nil
		})},
		HostKeyCallback:   known.check,
		HostKeyAlgorithms: known.algorithms(access.Address()),
	}
	conn, channels, requests, err := ssh.NewClientConn(raw, access.Address(), config)
	if err != nil {
		return nil, loginFault(ctx, access, offered, err)
	}
	_ = raw.SetDeadline(time.Time{})
	return ssh.NewClient(conn, channels, requests), nil
}

// awayFault says why nothing answers. It avoids the words "connection refused": the Docker client would replace the
// sentence by its own.
func awayFault(ctx context.Context, access spec.SSHAccess, err error) error {
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx.Err()
	}
	reason := err.Error()
	var lookup *net.DNSError
	var network net.Error
	switch {
	case errors.As(err, &lookup):
		reason = "there is no address for the name " + access.Host
	case errors.Is(err, syscall.ECONNREFUSED):
		reason = "nothing listens there"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		reason = "there is no route to it"
	case errors.As(err, &network) && network.Timeout():
		reason = fmt.Sprintf("no answer in %s", connectTimeout)
	}
	return fmt.Errorf("SSH to %s on %s: %s: %w", access.User, access.Address(), reason, fault.ErrUnreachable)
}

// loginFault says why the two sides did not agree.
func loginFault(ctx context.Context, access spec.SSHAccess, offered []string, err error) error {
	var host *hostFault
	var network net.Error
	switch {
	case errors.As(err, &host):
		return fmt.Errorf("SSH to %s: %s: %w", access, host.text, fault.ErrRejected)
	case ctx.Err() != nil:
		return ctx.Err()
	case strings.Contains(err.Error(), "unable to authenticate"):
		tried := "none of our keys was asked for"
		if len(offered) > 0 {
			tried = "it takes none of " + strings.Join(offered, ", ")
		}
		return fmt.Errorf("SSH to %s: %s; add the public key to ~%s/.ssh/authorized_keys on the box: %w",
			access, tried, access.User, fault.ErrUnauthorised)
	case errors.As(err, &network) && network.Timeout():
		return fmt.Errorf("SSH to %s: the login did not end in %s: %w", access, loginTimeout, fault.ErrUnreachable)
	}
	return fmt.Errorf("SSH to %s: %s: %w", access, strings.TrimPrefix(err.Error(), "ssh: "), fault.ErrUnreachable)
}
