package snmp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/gosnmp/gosnmp"

	"github.com/overcloud/overcloud/internal/fault"
)

// explain turns what the library, the kernel or the agent says into one sentence that tells what to do.
func (s *Session) explain(ctx context.Context, err error) error {
	if report := s.report(); report != nil && !errors.Is(ctx.Err(), context.Canceled) {
		err = report
	}
	t, sentinel := s.target, fault.ErrUnreachable
	var say string
	var dns *net.DNSError
	switch {
	case errors.Is(err, fault.ErrInvalid):
		return err
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("the question was given up: %w", context.Canceled)
	case errors.As(err, &dns):
		say = fmt.Sprintf("the name %s is not found: mend the host of the box or the name server (%s)", t.Host, dns.Err)
	case errors.Is(err, syscall.ECONNREFUSED):
		say = "nothing listens there: start snmpd, and give it an agentAddress that others reach (Debian's listens on 127.0.0.1 only)"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		say = "there is no way to it: check address, cable and routes"
	case errors.Is(err, gosnmp.ErrUnknownUsername):
		say, sentinel = fmt.Sprintf("the agent does not know the user %q: add createUser and rouser for it to its snmpd.conf", t.User), fault.ErrUnauthorised
	case errors.Is(err, gosnmp.ErrWrongDigest):
		say, sentinel = fmt.Sprintf("the auth password or protocol of user %q is not the agent's (asked with %s)", t.User, t.Auth), fault.ErrUnauthorised
	case errors.Is(err, gosnmp.ErrDecryption):
		say, sentinel = fmt.Sprintf("the privacy password or protocol of user %q is not the agent's (asked with %s)", t.User, t.Privacy), fault.ErrUnauthorised
	case errors.Is(err, gosnmp.ErrUnknownSecurityLevel):
		say, sentinel = fmt.Sprintf("the agent cannot do for user %q what is asked (auth %s, privacy %s): create the user with both", t.User, orNone(t.Auth), orNone(t.Privacy)), fault.ErrUnauthorised
	case errors.Is(err, gosnmp.ErrNotInTimeWindow):
		say, sentinel = "the agent's SNMP time (engine boots and time) cannot be followed: restart snmpd; two agents must not share one engine ID", fault.ErrUnauthorised
	case errors.Is(err, gosnmp.ErrUnknownEngineID):
		say = "the agent is not the engine that it said it was: two agents behind one address, or one that is set up anew"
	case isSilence(err):
		say = s.silence()
	default:
		// The library's words may hold a stack of goroutines after the first line.
		first, _, _ := strings.Cut(err.Error(), "\n")
		return fmt.Errorf("the answer is not understood (%s): %w", first, fault.ErrRejected)
	}
	// The sentence says it all; the cause stays for errors.Is.
	return &explained{say: say, sentinel: sentinel, cause: err}
}

func orNone(name string) string {
	if name == "" {
		return "none"
	}
	return name
}

func isSilence(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, gosnmp.ErrMaxRetriesExceeded) || errors.Is(err, net.ErrClosed) ||
		errors.As(err, &timeout) && timeout.Timeout() || strings.Contains(err.Error(), "timeout")
}

// silence says why an agent may say nothing, which is how it refuses what it does not like.
func (s *Session) silence() string {
	t := s.target
	asked := "it does not answer"
	if s.wire != nil && s.wire.stats.Sent > 0 {
		asked = fmt.Sprintf("it does not answer (%d packets sent, %d answers)", s.wire.stats.Sent, s.wire.stats.Received)
	}
	switch usm, ok := s.v3(); {
	case !ok:
		return asked + ": is it on, does snmpd run, does a firewall stand between? An agent says nothing to a wrong community either: compare it with rocommunity in its snmpd.conf, and the address that may use it"
	case usm.AuthoritativeEngineID != "" && t.Privacy != "":
		return asked + fmt.Sprintf(", though it told its engine ID: the privacy password or protocol of user %q may not be the agent's (asked with %s), or it went away just now", t.User, t.Privacy)
	case usm.AuthoritativeEngineID != "":
		return asked + ", though it told its engine ID: it went away just now, or packets are lost"
	default:
		return asked + ": is it on, does snmpd run and speak version 3, does a firewall stand between?"
	}
}

func (s *Session) v3() (*gosnmp.UsmSecurityParameters, bool) {
	if s.client == nil {
		return &gosnmp.UsmSecurityParameters{}, s.target.version() == gosnmp.Version3
	}
	usm, ok := s.client.SecurityParameters.(*gosnmp.UsmSecurityParameters)
	return usm, ok
}

// report reads the last datagram as a v3 report. The library takes one that is not authenticated, and those of a
// wrong user or password cannot be, for a forgery and drops it; here it explains the silence and no more.
func (s *Session) report() error {
	if s.wire == nil || len(s.wire.last) == 0 || s.target.version() != gosnmp.Version3 {
		return nil
	}
	reader := &gosnmp.GoSNMP{
		Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel, MsgFlags: gosnmp.NoAuthNoPriv,
		SecurityParameters: &gosnmp.UsmSecurityParameters{UserName: s.target.User},
	}
	packet, err := reader.SnmpDecodePacket(s.wire.last)
	if err != nil || packet.PDUType != gosnmp.Report || len(packet.Variables) == 0 {
		return nil
	}
	return usmFault(packet.Variables[0].Name)
}

// usmFault names the counters that a report shows (RFC 3414, 5 and RFC 3412, 5); nil for others.
func usmFault(oid string) error {
	switch strings.TrimSuffix(oid, ".0") {
	case ".1.3.6.1.6.3.15.1.1.1":
		return gosnmp.ErrUnknownSecurityLevel
	case ".1.3.6.1.6.3.15.1.1.2":
		return gosnmp.ErrNotInTimeWindow
	case ".1.3.6.1.6.3.15.1.1.3":
		return gosnmp.ErrUnknownUsername
	case ".1.3.6.1.6.3.15.1.1.4":
		return gosnmp.ErrUnknownEngineID
	case ".1.3.6.1.6.3.15.1.1.5":
		return gosnmp.ErrWrongDigest
	case ".1.3.6.1.6.3.15.1.1.6":
		return gosnmp.ErrDecryption
	default:
		return nil
	}
}

// explained is a fault with a sentence of its own.
type explained struct {
	say             string
	sentinel, cause error
}

// Error is the sentence and what it amounts to.
func (e *explained) Error() string { return e.say + ": " + e.sentinel.Error() }

// Unwrap gives the sentinel and the cause.
func (e *explained) Unwrap() []error { return []error{e.sentinel, e.cause} }
