package activities

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// tls looks at the certificates of both sides of a tcp:// engine.
func (e *examination) tls(ctx context.Context) {
	where, err := url.Parse(e.in.Box.Engine)
	switch {
	case err != nil || where.Scheme == "unix":
		e.note(CheckTLS, CheckSkip, "a socket needs none", "")
		return
	case where.Scheme == "ssh":
		e.note(CheckTLS, CheckSkip, "SSH protects the engine", "")
		return
	case e.in.Box.TLS == "":
		e.checks = append(e.checks, judgePlain(where.Hostname()))
		return
	case e.state(CheckAddress) == CheckFail:
		e.note(CheckTLS, CheckSkip, "the address does not answer", "")
		return
	}
	ours, config, err := readTLS(e.in.Box.TLS, where.Hostname())
	if err != nil {
		e.note(CheckTLS, CheckFail, err.Error(), "put ca.pem, cert.pem and key.pem there, as docs/boxes.md says")
		return
	}
	theirs, err := handshake(ctx, where.Host, config)
	if ctx.Err() != nil {
		return // cancelled: Examine says so
	}
	e.checks = append(e.checks, judgeTLS(theirs, ours, err, time.Now()))
}

// judgePlain is for an engine without TLS.
func judgePlain(host string) Check {
	if ip := net.ParseIP(host); host == "localhost" || (ip != nil && ip.IsLoopback()) {
		return Check{Name: CheckTLS, State: CheckSkip, Seen: "none, and none needed on loopback"}
	}
	return Check{
		Name: CheckTLS, State: CheckWarn, Seen: "none: whoever reaches this port is root on the box",
		Advice: "give the engine TLS and set `tls` of the box, or reach it over ssh://",
	}
}

// readTLS reads the three files of a box's TLS folder.
func readTLS(folder, host string) (ours *x509.Certificate, config *tls.Config, err error) {
	authority, err := os.ReadFile(filepath.Join(folder, "ca.pem"))
	if err != nil {
		return nil, nil, fmt.Errorf("the worker cannot read ca.pem: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return nil, nil, fmt.Errorf("%s holds no certificate", filepath.Join(folder, "ca.pem"))
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem"))
	if err != nil {
		return nil, nil, fmt.Errorf("the worker cannot use cert.pem and key.pem: %w", err)
	}
	return pair.Leaf, &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}, ServerName: host, MinVersion: tls.VersionTLS12}, nil
}

// handshake proves both sides to each other. It asks one question too: under TLS 1.3 a server says only then that
// it refuses our certificate.
func handshake(ctx context.Context, address string, config *tls.Config) (chain []*x509.Certificate, err error) {
	raw, err := dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	if err := raw.SetDeadline(time.Now().Add(examineTimeout)); err != nil {
		return nil, err
	}
	conn := tls.Client(raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(conn, "GET /_ping HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", config.ServerName); err != nil {
		return nil, err
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		return nil, err
	}
	return conn.ConnectionState().PeerCertificates, nil
}

// judgeTLS names the certificate that ends first. chain is the server's, leaf first; ours is the client's.
func judgeTLS(chain []*x509.Certificate, ours *x509.Certificate, err error, now time.Time) Check {
	check := Check{Name: CheckTLS, State: CheckPass}
	if err != nil {
		check.State = CheckFail
		check.Seen, check.Advice = tlsWords(err)
		return check
	}
	whose, ends := "ours (cert.pem)", ours.NotAfter
	for _, one := range chain {
		if one.NotAfter.Before(ends) {
			whose, ends = "the engine's", one.NotAfter
		}
	}
	left := ends.Sub(now)
	check.Seen = fmt.Sprintf("both sides are proven; the first certificate to end is %s, in %d days (%s)",
		whose, int(left.Hours()/24), ends.UTC().Format(time.DateOnly))
	if left < certificateWarn {
		check.State, check.Advice = CheckWarn, "make a new certificate in time: docs/boxes.md says how"
	}
	if left <= 0 {
		check.State, check.Seen = CheckFail, fmt.Sprintf("the certificate of %s ended on %s", whose, ends.UTC().Format(time.DateOnly))
	}
	return check
}

// tlsWords says what is wrong with a handshake, and what to do.
func tlsWords(err error) (seen, advice string) {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var ended x509.CertificateInvalidError
	var notTLS tls.RecordHeaderError
	text := err.Error()
	switch {
	case errors.As(err, &ended) && ended.Reason == x509.Expired:
		return "the engine's certificate is past its time, or the worker's clock is wrong: " + text, "make a new certificate for the engine: docs/boxes.md says how"
	case errors.As(err, &name):
		return text, "make the engine a certificate for the name or address in `engine`, or write the one that it has"
	case errors.As(err, &authority):
		return "the engine's certificate is not signed by ca.pem of the box's `tls` folder", "take the ca.pem that signed it"
	case errors.As(err, &notTLS):
		return "the engine speaks no TLS on this port", "start it with --tlsverify, or remove `tls` of the box"
	case strings.Contains(text, "remote error"):
		return "the engine refuses our certificate: " + text, "sign cert.pem by the authority that the engine trusts (its --tlscacert), and look at its end"
	}
	return text, "look at the certificates of both sides"
}
