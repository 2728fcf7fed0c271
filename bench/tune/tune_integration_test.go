//go:build integration

package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/overcloud/overcloud/internal/testbin"
)

// TestMain lets the test binary be the worker that measure starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "worker" {
		if err := work(os.Args[2]); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// Fifty rooms, steps of the rules and people: every recommendation becomes a command.
func TestFiftyRooms(t *testing.T) {
	bin := strings.TrimSuffix(testbin.Path(t, "temporal"), "/temporal")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	found, err := measure(ctx, options{rooms: 50, acs: 2, steps: 5, people: 1, last: 10 * time.Second, bin: bin, state: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	found.write(&text)
	t.Log("\n" + text.String())
	if err := found.complete(); err != nil {
		t.Error(err)
	}
	if len(found.steps) < 20 || len(found.people) < 3 {
		t.Errorf("only %d steps and %d overrides came through", len(found.steps), len(found.people))
	}
}
