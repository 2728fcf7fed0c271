package box

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	api "github.com/docker/docker/api/types/container"
	apievents "github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/network"

	"github.com/overcloud/overcloud/internal/embedded/box/images"
	"github.com/overcloud/overcloud/internal/embedded/box/logs"
	"github.com/overcloud/overcloud/internal/embedded/child"
)

// record is what is kept of a container, in one file, written whole at each change.
type record struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	// ImageID is the image's id; Config.Image is what it was called.
	ImageID    string                               `json:"image_id"`
	Config     *api.Config                          `json:"config"` // the image's and the caller's, merged
	HostConfig *api.HostConfig                      `json:"host_config"`
	Networks   map[string]*network.EndpointSettings `json:"networks"`
	// Address is the n of 127.77.<index>.<n>; 0 when it uses another one's (or the machine's) address.
	Address int              `json:"address,omitempty"`
	Mounts  []api.MountPoint `json:"mounts,omitempty"`
	// Anonymous are the volumes that were made for it and go with it.
	Anonymous []string `json:"anonymous,omitempty"`
	State     state    `json:"state"`
}

// state is the part of a record that changes.
type state struct {
	Status   api.ContainerState `json:"status"` // created, running, restarting, exited, removing
	Process  child.Identity     `json:"process"`
	ExitCode int                `json:"exit_code"`
	Error    string             `json:"error,omitempty"`
	Started  time.Time          `json:"started"`
	Finished time.Time          `json:"finished"`
	// Restarts counts the restarts by policy since the last start by a user.
	Restarts int `json:"restarts"`
	// Stopped says that a user stopped it, which unless-stopped respects at the next start of the box.
	Stopped bool `json:"stopped"`
}

// container is one container of a box.
type container struct {
	box *Box
	dir string // <box>/containers/<id>
	log *logs.Log

	// transition is held while a start, a stop's decision or a removal happens, never while waiting for a
	// process to end. It is taken before mu.
	transition sync.Mutex

	mu      sync.Mutex
	record  record
	run     *run               // of the process; nil when there is none
	pending context.CancelFunc // cancels the restart that is waited for; nil when none is
	pause   time.Duration      // before that restart
	halted  bool               // no restart follows this run, whatever the policy says
	health  *api.Health        // of this run; nil without a check
	exits   int                // how many times it ended; for those who wait for the next
	removed bool               // or being removed
	cleared bool               // removed, and nothing is left
	changed chan struct{}      // closed at the next change of the above
	execs   map[string]*execution
}

const recordFile = "container.json"

func newID() string {
	id := make([]byte, 32)
	_, _ = rand.Read(id) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(id)
}

// root is the folder that stands for "/".
func (c *container) root() string { return filepath.Join(c.dir, "root") }

// marker is in the environment of every process of the container and of no other process.
func (c *container) marker() string { return envRoot + "=" + c.root() }

// live reports whether it runs, or waits to be restarted.
func (c *container) live() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.isLive()
}

// isLive needs mu.
func (c *container) isLive() bool {
	return c.record.State.Status == api.StateRunning || c.record.State.Status == api.StateRestarting
}

// set changes the record, keeps it, and wakes those who wait; mu is held.
func (c *container) set(change func(*record)) error {
	change(&c.record)
	c.wake()
	return c.save()
}

// wake needs mu.
func (c *container) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// save needs mu.
func (c *container) save() error {
	text, err := json.MarshalIndent(c.record, "", " ")
	if err != nil {
		return fmt.Errorf("keep container %s: %w", c.record.Name, err)
	}
	// 0600: environments may hold what others should not read.
	if err := images.WriteFile(filepath.Join(c.dir, recordFile), text, 0o600); err != nil {
		return fmt.Errorf("keep container %s: %w", c.record.Name, err)
	}
	return nil
}

// await waits until condition, which is called with mu held, is true, or ctx ends.
func (c *container) await(ctx context.Context, condition func() bool) error {
	for {
		c.mu.Lock()
		met, changed := condition(), c.changed
		c.mu.Unlock()
		if met {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// copy is the record now. Config and the like are never written after creation, so they may be shared.
func (c *container) copy() record {
	c.mu.Lock()
	defer c.mu.Unlock()
	record := c.record
	record.Networks = maps.Clone(c.record.Networks)
	return record
}

func (c *container) tell(action apievents.Action, more map[string]string) {
	record := c.copy()
	attributes := maps.Clone(record.Config.Labels)
	if attributes == nil {
		attributes = map[string]string{}
	}
	maps.Copy(attributes, more)
	attributes["name"], attributes["image"] = record.Name, record.Config.Image
	c.box.events.tell(apievents.ContainerEventType, action, record.ID, attributes)
}

// loadContainer reads one container's folder.
func (b *Box) loadContainer(dir string) (*container, error) {
	text, err := os.ReadFile(filepath.Join(dir, recordFile))
	if err != nil {
		return nil, fmt.Errorf("read container: %w", err)
	}
	c := &container{box: b, dir: dir, changed: make(chan struct{}), execs: map[string]*execution{}}
	if err := json.Unmarshal(text, &c.record); err != nil {
		return nil, fmt.Errorf("read container %s: %w", dir, err)
	}
	if c.record.ID != filepath.Base(dir) || c.record.Config == nil || c.record.HostConfig == nil {
		return nil, fmt.Errorf("read container %s: its record is not whole", dir)
	}
	if c.log, err = logs.Open(c.logPath(), 0); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *container) logPath() string {
	return filepath.Join(c.dir, filepath.Base(c.dir)+"-json.log")
}
