//go:build integration

package kafka

import (
	"os"
	"testing"

	"github.com/overcloud/overcloud/internal/kafka/kafkatest"
)

// apache is the broker of all tests of the package.
var apache kafkatest.Shared

func TestMain(m *testing.M) {
	code := m.Run()
	apache.Close()
	os.Exit(code)
}

func place(t *testing.T) Config {
	t.Helper()
	here := apache.Place(t)
	return Config{Brokers: here.Brokers, ClientID: "test", Prefix: here.Prefix}
}

func onlyEmbedded(t *testing.T) {
	t.Helper()
	t.Skip("it reaches into the embedded broker: make test runs it")
}
