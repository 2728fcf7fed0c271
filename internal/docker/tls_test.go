package docker

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
)

// A TCP engine with TLS is reached with the box's own certificate, and not without it.
func TestTLS(t *testing.T) {
	folder := t.TempDir()
	ca, caKey := certificate(t, folder, "ca", nil, nil)
	certificate(t, folder, "cert", ca, caKey)
	server, serverKey := certificate(t, folder, "server", ca, caKey)
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	callers := make(chan string, 8)
	engine := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		callers <- r.TLS.PeerCertificates[0].Subject.CommonName
		http.Error(w, "page not found", http.StatusNotFound)
	}))
	engine.Config.ErrorLog = log.New(io.Discard, "", 0)
	engine.TLS = &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{server.Raw}, PrivateKey: serverKey}},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: pool,
	}
	engine.StartTLS()
	defer engine.Close()
	address := strings.Replace(engine.URL, "https", "tcp", 1)
	observe := func(box spec.Box) string {
		opened, err := NewEngines(Options{}).Open(box)
		require.NoError(t, err)
		return opened.Observe(context.Background()).Fault
	}

	require.Contains(t, observe(spec.Box{Name: "safe", Engine: address, TLS: folder}), "page not found", "it was reached")
	require.Equal(t, "cert", <-callers)
	require.NotContains(t, observe(spec.Box{Name: "bare", Engine: address}), "page not found")
}

// certificate makes one, signed by ca or by itself; the client's goes where a box's TLS folder has it.
func certificate(t *testing.T, folder, commonName string, ca *x509.Certificate, caKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: commonName},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: ca == nil, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := ca, caKey
	if ca == nil {
		parent, signer = template, key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	require.NoError(t, err)
	made, err := x509.ParseCertificate(raw)
	require.NoError(t, err)
	secret, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	write := func(name, kind string, bytes []byte) {
		text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes})
		require.NoError(t, os.WriteFile(filepath.Join(folder, name+".pem"), text, 0o600))
	}
	write(commonName, "CERTIFICATE", raw)
	if commonName == "cert" {
		write("key", "EC PRIVATE KEY", secret)
	}
	return made, key
}
