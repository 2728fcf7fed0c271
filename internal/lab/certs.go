package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// authority signs everything in one lab.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
	serial      int64
}

// pair is a certificate with its key, in PEM.
type pair struct{ certificate, key []byte }

func newAuthority(lab string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA of lab " + lab},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, err
	}
	return &authority{certificate: certificate, key: key, pem: block("CERTIFICATE", raw), serial: 1}, nil
}

// issue makes a certificate for a server at these addresses (the first is its name), and for a client.
func (a *authority) issue(names ...string) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	a.serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: names[0]},
		NotBefore: a.certificate.NotBefore, NotAfter: a.certificate.NotAfter,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, name := range names {
		if address := net.ParseIP(name); address != nil {
			template.IPAddresses = append(template.IPAddresses, address)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return pair{}, err
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return pair{}, err
	}
	return pair{block("CERTIFICATE", raw), block("EC PRIVATE KEY", secret)}, nil
}

func block(kind string, content []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content})
}

// write puts ca.pem, cert.pem and key.pem into a folder, as spec.Box.TLS and the docker command want them.
func (a *authority) write(folder string, p pair) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for name, content := range map[string][]byte{"ca.pem": a.pem, "cert.pem": p.certificate, "key.pem": p.key} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// makeAuthority makes the CA and the client's folder <lab>/tls, and the client that asks engines how they are.
func (l *Lab) makeAuthority() (err error) {
	if l.ca, err = newAuthority(l.options.Name); err != nil {
		return fmt.Errorf("make the lab's CA: %w", err)
	}
	client, err := l.ca.issue("client of lab " + l.options.Name)
	if err != nil {
		return fmt.Errorf("make the client's certificate: %w", err)
	}
	if err := l.ca.write(filepath.Join(l.folder, "tls"), client); err != nil {
		return fmt.Errorf("write the client's certificate: %w", err)
	}
	certificate, err := tls.X509KeyPair(client.certificate, client.key)
	if err != nil {
		return fmt.Errorf("read the client's certificate: %w", err)
	}
	l.pinger = &http.Client{Timeout: pingTime, Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: l.ca.pool(), Certificates: []tls.Certificate{certificate}},
	}}
	l.state.CAFile = l.CAFile()
	return nil
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}
