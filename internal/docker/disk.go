package docker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/system"
	"golang.org/x/sys/unix"
)

// The engine's API tells no free disk. Behind a socket the data root is on this machine and is looked at; on
// another one a helper container of the probe image looks at its own root, which an engine keeps in its data
// root (on overlayfs, statfs answers for the upper layer). On dockerd 20.10 with 2 cores such a look took 0.26
// to 0.6 s, and the remembered answer 8 ms.
const (
	// diskFresh is how long a look holds: filling a disk takes longer, and a deploy looks twice in a minute.
	diskFresh = time.Minute
	// diskStale is how long an older look is better than none, when a new one does not come in time.
	diskStale = 15 * time.Minute
	// diskPatience is how long anybody waits for a look. It goes on by itself, and the next one who asks has it.
	diskPatience = 800 * time.Millisecond
)

// helperDisk is the LabelHelper of containers that look at the disk.
const helperDisk = "disk"

// disks remembers looks by engine. Its zero value is ready.
type disks struct {
	mu    sync.Mutex
	known map[address]*look
}

// look is the last one at an engine's disk, and the one that is under way.
type look struct {
	free    int64
	at      time.Time
	running chan struct{} // closed when it ends; nil when none runs
}

// FreeDisk implements activities.Engine. It takes at most diskPatience, on an engine elsewhere once a minute.
func (e *Engine) FreeDisk(ctx context.Context, image string) int64 {
	info, err := e.api.Info(ctx)
	if err != nil {
		return unknownDisk
	}
	if free := e.freeDisk(info); free >= 0 {
		return free
	}
	return e.disks.ask(ctx, address{engine: e.box.Engine, tls: e.box.TLS}, func(ctx context.Context) (int64, error) {
		return e.lookAtDisk(ctx, cmp.Or(image, e.options.ProbeImage))
	})
}

// freeDisk looks at the engine's data root, when that is on this machine: behind a socket, or in a process
// box, which lives where its worker does unless it was told otherwise.
func (e *Engine) freeDisk(info system.Info) int64 {
	local := strings.HasPrefix(e.box.Engine, "unix://") || isProcess(info)
	if !local || info.DockerRootDir == "" {
		return unknownDisk
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(info.DockerRootDir, &disk); err != nil {
		return unknownDisk
	}
	return int64(disk.Bavail) * disk.Bsize
}

// ask gives what is known, or waits a little for a look that it begins or finds under way.
func (d *disks) ask(ctx context.Context, which address, measure func(context.Context) (int64, error)) int64 {
	d.mu.Lock()
	if d.known == nil {
		d.known = map[address]*look{}
	}
	one := d.known[which]
	if one == nil {
		one = &look{free: unknownDisk}
		d.known[which] = one
	}
	if time.Since(one.at) < diskFresh {
		defer d.mu.Unlock()
		return one.free
	}
	if one.running == nil {
		one.running = make(chan struct{})
		go d.measure(ctx, one, one.running, measure)
	}
	running := one.running
	d.mu.Unlock()
	select {
	case <-running:
	case <-time.After(diskPatience):
	case <-ctx.Done():
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(one.at) > diskStale {
		return unknownDisk
	}
	return one.free
}

// measure looks once. Whoever asked may be gone by then, so it has a time of its own. A box without the image
// is asked again next time: a pull may bring it.
func (d *disks) measure(ctx context.Context, one *look, done chan struct{}, measure func(context.Context) (int64, error)) {
	ctx, cancel := lasting(ctx)
	defer cancel()
	free, err := measure(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	one.running = nil
	if err == nil {
		one.free, one.at = free, time.Now()
	}
	close(done)
}

// lookAtDisk runs `probe disk /` in a container without a network, if the box has the image.
func (e *Engine) lookAtDisk(ctx context.Context, ref string) (int64, error) {
	if ref == "" {
		return 0, errors.New("no probe image is set")
	}
	if _, err := e.api.ImageInspect(ctx, ref); err != nil {
		return 0, classify(ctx, err)
	}
	e.dropDiskHelpers(ctx)
	made, err := e.api.ContainerCreate(ctx, &container.Config{
		Image: ref, Cmd: []string{"disk", "/"}, Labels: map[string]string{LabelHelper: helperDisk},
	}, &container.HostConfig{NetworkMode: "none"}, nil, nil, "")
	if err != nil {
		return 0, classify(ctx, err)
	}
	defer e.drop(ctx, made.ID)
	if err := e.api.ContainerStart(ctx, made.ID, container.StartOptions{}); err != nil {
		return 0, classify(ctx, err)
	}
	if err := e.ended(ctx, made.ID); err != nil {
		return 0, err
	}
	var out, faults bytes.Buffer
	if err := e.logs(ctx, made.ID, "all", &out, &faults); err != nil {
		return 0, err
	}
	return readDisk(out.Bytes(), faults.String())
}

// readDisk reads the line that the probe image prints; see functions/probe.
func readDisk(out []byte, faults string) (int64, error) {
	var said struct {
		Free *int64 `json:"free"`
	}
	if err := json.Unmarshal(out, &said); err != nil || said.Free == nil || *said.Free < 0 {
		return 0, fmt.Errorf("the probe said %q of the disk", strings.TrimSpace(string(out)+faults))
	}
	return *said.Free, nil
}

// dropDiskHelpers removes those that a worker left behind when it died.
func (e *Engine) dropDiskHelpers(ctx context.Context) {
	match := filters.NewArgs(filters.Arg("label", LabelHelper+"="+helperDisk))
	old, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: match})
	if err != nil {
		return
	}
	for _, one := range old {
		if time.Since(time.Unix(one.Created, 0)) > helperAge {
			e.drop(ctx, one.ID)
		}
	}
}
