package activities

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// evidence of a box on which everything holds.
func holds() Evidence { return Evidence{Asked: true, FreeDisk: 10e9} }

func with(change func(*Evidence)) Evidence {
	found := holds()
	change(&found)
	return found
}

func answering(words string) Evidence {
	return with(func(e *Evidence) { e.Registry = fault.OfPull(words) })
}

// The golden text of every cause: what the pull said, what was found, the sentence and the checks.
func TestCausesOfFailedPulls(t *testing.T) {
	const (
		dns     = `Get "https://registry.lan/v2/": dial tcp: lookup registry.lan on 10.0.0.53:53: no such host`
		refused = `Get "https://registry.lan:5000/v2/": dial tcp 10.0.0.1:5000: connect: connection refused`
		trust   = `Get "https://registry.lan:5000/v2/": x509: certificate signed by unknown authority`
		auth    = "unauthorized: authentication required"
		missing = "manifest unknown: manifest unknown"
		full    = "failed to register layer: write /edge: no space left on device"
		sick    = "received unexpected HTTP status: 503 Service Unavailable"
		limited = "toomanyrequests: You have reached your pull rate limit"
	)
	cases := []struct {
		name, said string
		found      Evidence
	}{
		{"address", "", Evidence{Dial: errors.New("dial tcp 10.0.0.2:2376: connect: no route to host"), FreeDisk: -1}},
		{"engine", "", Evidence{Ping: errors.New("context deadline exceeded"), FreeDisk: -1}},
		{"DNS", dns, answering(dns)},
		{"TCP", refused, answering(refused)},
		{"TLS", trust, answering(trust)},
		{"answer", sick, answering(sick)},
		{"rate limit", limited, answering(limited)},
		{"auth", auth, answering(auth)},
		{"manifest", missing, answering(missing)},
		{"disk, by the engine's words", full, holds()},
		{"disk, by what is free", "", with(func(e *Evidence) { e.FreeDisk = 100e6 })},
		{"the first link that fails counts", auth, answering(dns)},
		{"a full disk counts although the registry went away meanwhile", full, answering(refused)},
		{"it failed and holds again", refused, holds()},
		{"an engine that cannot ask: the pull's words alone", trust, Evidence{FreeDisk: -1}},
		{"nothing known, all holds", "", holds()},
		{"nothing known, nothing seen", "", Evidence{FreeDisk: -1}},
	}
	p := pulling{in: PullInput{
		Box:  spec.Box{Name: "rack-2", Engine: "tcp://10.0.0.2:2376"},
		Pull: plan.Pull{Image: "registry.lan:5000/kafka:4", OS: "linux", Arch: "arm64", SizeBytes: 200e6},
	}}
	failed := sourceFault{
		place: spec.ImageSource{Repository: "registry.lan:5000/kafka"},
		from:  Source{Repository: "registry.lan:5000/kafka", User: "anna"}, err: errors.New("something new"),
	}
	var got strings.Builder
	for _, c := range cases {
		cause, checks := blame(fault.OfPull(c.said), c.found, p.need())
		fmt.Fprintf(&got, "%s\n  %s\n ", c.name, p.sentence(failed, cause))
		for _, check := range checks {
			fmt.Fprintf(&got, " %s %s", check.Check, check.State)
		}
		if cause != nil {
			fmt.Fprintf(&got, "\n  -> %v", cause.Err)
		}
		got.WriteString("\n\n")
	}
	const golden = "testdata/pull-causes.txt"
	if os.Getenv("OVERCLOUD_RECORD") != "" {
		require.NoError(t, os.WriteFile(golden, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
}
