package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"os"

	"github.com/overcloud/overcloud/internal/fn"
)

// ReadConfig reads the cluster from the environment, faults into env: KAFKA_BROKERS (host:port,…; by default
// 127.0.0.1:9092), KAFKA_TLS, KAFKA_CA_FILE, KAFKA_USER, KAFKA_PASSWORD or KAFKA_PASSWORD_FILE, and
// KAFKA_MECHANISM.
func ReadConfig(env *fn.Env, clientID string) Config {
	cfg := Config{
		Brokers: env.Addresses("KAFKA_BROKERS", "127.0.0.1:9092"), ClientID: clientID,
		User: env.String("KAFKA_USER", ""), Password: env.Secret("KAFKA_PASSWORD"), Mechanism: env.String("KAFKA_MECHANISM", ""),
	}
	authorities := env.String("KAFKA_CA_FILE", "")
	if !env.Bool("KAFKA_TLS", authorities != "") {
		return cfg
	}
	cfg.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	if authorities == "" {
		return cfg
	}
	text, err := os.ReadFile(env.Path(authorities))
	if err != nil {
		env.Fault("KAFKA_CA_FILE", "is not readable: %v", err)
		return cfg
	}
	cfg.TLS.RootCAs = x509.NewCertPool()
	if !cfg.TLS.RootCAs.AppendCertsFromPEM(text) {
		env.Fault("KAFKA_CA_FILE", "%q holds no certificate", authorities)
	}
	return cfg
}
