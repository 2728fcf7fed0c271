package browser

import (
	"context"
	"fmt"
	"time"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/wire"
)

// Inspect is what a box's engine says: the functions that the scenery has there.
func (w *World) Inspect(_ context.Context, _, box string) (activities.Inspection, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	seen := activities.Inspection{Box: box, At: now, Containers: []activities.InspectedContainer{}, Images: []activities.InspectedImage{}}
	for _, b := range w.service.Boxes {
		if b.Name == box && !b.Reachable {
			seen.Fault = b.Fault
			return seen, nil
		}
		seen.Reachable = seen.Reachable || b.Name == box
	}
	if !seen.Reachable {
		return seen, fmt.Errorf("there is no box %s: %w", box, fault.ErrNotFound)
	}
	seen.Engine = activities.EngineFacts{Version: "27.5.1", API: "1.47", OS: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.1.0-28-amd64", Arch: "x86_64", CPUs: 8, MemoryBytes: 16 << 30, Root: "/var/lib/docker", Storage: "overlay2"}
	for i, f := range w.service.Functions {
		if f.Box != box {
			continue
		}
		seen.Containers = append(seen.Containers, activities.InspectedContainer{
			ID: fmt.Sprintf("%064x", i+11), Name: f.Container, Service: w.service.Service, Function: f.Function, Replica: f.Replica, Image: f.Image,
			State: "running", Health: "healthy", Since: now.Add(-3 * time.Hour), Created: now.Add(-3 * time.Hour), Restarts: i % 2, Ports: f.Addresses,
		})
		seen.Images = append(seen.Images, activities.InspectedImage{
			ID: "sha256:" + fmt.Sprintf("%064x", i+77), Names: []string{f.Image}, Digests: []string{f.Image + "@" + f.Digest}, Bytes: int64(14+9*i) << 20, Created: now.Add(-50 * time.Hour), Used: true,
		})
	}
	return seen, nil
}

// WatchLog needs nothing: the world's logs are always told.
func (w *World) WatchLog(context.Context, string, string, int, int) error { return nil }

// TailLogs says a line a second for each function.
func (w *World) TailLogs(ctx context.Context, since time.Time, take func(wire.LogLines)) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for n := 0; ; n++ {
		w.mu.Lock()
		functions := append(w.service.Functions[:0:0], w.service.Functions...)
		w.mu.Unlock()
		now := time.Now()
		for _, f := range functions {
			stream := wire.StreamOut
			if n%7 == 6 {
				stream = wire.StreamErr
			}
			take(wire.LogLines{
				Service: w.service.Service, Function: f.Function, Replica: max(f.Replica, 1), Box: f.Box, Container: f.Container, TimeMillis: now.UnixMilli(),
				Lines: []wire.LogLine{{Nanos: now.UnixNano(), Stream: stream, Text: fmt.Sprintf(`time=%s level=INFO msg="still here" function=%s turn=%d`, now.UTC().Format(time.RFC3339), f.Function, n)}},
			})
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
