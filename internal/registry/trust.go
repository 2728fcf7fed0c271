package registry

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"

	"github.com/overcloud/overcloud/internal/fault"
)

// authority is a transport that trusts one more authority, and the PEM text it was made from.
type authority struct {
	pem       string
	transport http.RoundTripper
}

// transport trusts the authorities of the system and, when a file is named, the one in it: a registry that
// moves from its own certificate to a public one goes on working. The file is read each time, so that a new
// authority needs no restart; the connections are kept for as long as it stays the same.
func (r *Resolver) transport(ca string) (http.RoundTripper, error) {
	own := r.Transport
	if own == nil {
		own = http.DefaultTransport
	}
	if ca == "" {
		return own, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("read the registry's authority: %w: %w", fault.ErrInvalid, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, found := r.trusted[ca]; found && known.pem == string(pem) {
		return known.transport, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a system without any
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("the registry's authority %s holds no PEM certificate: %w", ca, fault.ErrInvalid)
	}
	made := newTransport()
	if base, plain := own.(*http.Transport); plain {
		made = base.Clone()
	}
	made.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	if r.trusted == nil {
		r.trusted = map[string]authority{}
	}
	r.trusted[ca] = authority{pem: string(pem), transport: made}
	return made, nil
}
