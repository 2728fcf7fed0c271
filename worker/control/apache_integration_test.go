//go:build integration

package control

import (
	"testing"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/kafka/kafkatest"
)

// apache is the broker of all tests of the package.
var apache kafkatest.Shared

func closePlace() { apache.Close() }

func place(t *testing.T) kafka.Config {
	t.Helper()
	here := apache.Place(t)
	return kafka.Config{Brokers: here.Brokers, ClientID: "test", Prefix: here.Prefix}
}

func onlyEmbedded(t *testing.T) {
	t.Helper()
	t.Skip("it brings the embedded broker: make test runs it")
}
