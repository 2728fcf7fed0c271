package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"os"

	"github.com/overcloud/overcloud/internal/fn"
)

// ReadConfig reads the cluster from the environment, faults into env: KAFKA_BROKERS (host:port,…; by default
// 127.0.0.1:9092), KAFKA_TLS, KAFKA_CA_FILE, KAFKA_USER, KAFKA_PASSWORD or KAFKA_PASSWORD_FILE,
// KAFKA_MECHANISM, KAFKA_PREFIX (of topics and groups) and KAFKA_REPLICAS (of topics that are made; 0: as many as there
// are brokers, up to 3).
func ReadConfig(env *fn.Env, clientID string) Config {
	cfg := Config{
		Brokers: env.Addresses("KAFKA_BROKERS", "127.0.0.1:9092"), ClientID: clientID,
		User: env.String("KAFKA_USER", ""), Password: env.Secret("KAFKA_PASSWORD"), Mechanism: env.String("KAFKA_MECHANISM", ""),
		Prefix: env.String("KAFKA_PREFIX", ""), Replicas: int16(env.Int("KAFKA_REPLICAS", 0, 0, replicasMost)),
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
