package box

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/container"
	apievents "github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/pkg/namesgenerator"
	"github.com/docker/go-connections/nat"

	"github.com/overcloud/overcloud/internal/embedded/box/images"
	"github.com/overcloud/overcloud/internal/embedded/box/logs"
	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

// namePattern is what containers and volumes may be called; dockerd's.
const namePattern = `[a-zA-Z0-9][a-zA-Z0-9_.-]`

func validName(name string) bool {
	return regexp.MustCompile(`^` + namePattern + `+$`).MatchString(name)
}

func (b *Box) createContainer(w http.ResponseWriter, r *http.Request) error {
	request := api.CreateRequest{}
	if err := body(r, &request); err != nil {
		return err
	}
	if request.Config == nil {
		return status.Invalid("config cannot be empty in order to create a container")
	}
	if err := b.accepting(); err != nil {
		return err
	}
	image, err := b.images.Get(request.Image)
	if err != nil {
		return err
	}
	if asked := r.URL.Query().Get("platform"); asked != "" {
		platform, err := images.ParsePlatform(asked)
		if err != nil {
			return err
		}
		if !matchesPlatform(image, platform) {
			return status.NotFound("image with reference %s was found but does not match the specified platform: wanted %s, actual: %s",
				request.Image, asked, images.PlatformText(image.Spec.Platform))
		}
	}
	c, warnings, err := b.create(strings.TrimPrefix(r.URL.Query().Get("name"), "/"), image, request)
	if err != nil {
		return err
	}
	c.tell(apievents.ActionCreate, nil)
	return reply(w, http.StatusCreated, api.CreateResponse{ID: c.copy().ID, Warnings: warnings})
}

// create makes a container, whole or not at all.
func (b *Box) create(name string, image *images.Image, request api.CreateRequest) (*container, []string, error) {
	if request.HostConfig == nil {
		request.HostConfig = &api.HostConfig{}
	}
	config, host := request.Config, request.HostConfig
	merge(config, image)
	warnings, err := b.check(config, host, image)
	if err != nil {
		return nil, nil, err
	}
	c := &container{box: b, changed: make(chan struct{}), execs: map[string]*execution{}}
	c.record = record{
		ID: newID(), Created: time.Now().UTC(), ImageID: image.ID, Config: config, HostConfig: host,
		State: state{Status: api.StateCreated},
	}
	c.dir = b.path("containers", c.record.ID)
	if config.Hostname == "" {
		config.Hostname = c.record.ID[:12]
	}
	if c.record.Networks, err = b.join(host, request.NetworkingConfig); err != nil {
		return nil, nil, err
	}
	if c.record.Name, err = b.reserve(name, c.record.ID); err != nil {
		return nil, nil, err
	}
	if err := b.build(c, image); err != nil {
		faults := []error{c.discard()}
		for _, volume := range c.record.Anonymous {
			faults = append(faults, b.removeVolume(volume, true))
		}
		if left := errors.Join(faults...); left != nil {
			b.logger.Error("take back a container that could not be made", "container", c.record.Name, "error", left)
		}
		return nil, nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.containers[c.record.ID] = c
	return c, warnings, nil
}

// build makes what a container has outside memory.
func (b *Box) build(c *container, image *images.Image) error {
	if err := os.MkdirAll(c.dir, 0o711); err != nil {
		return fmt.Errorf("make container %s: %w", c.record.Name, err)
	}
	if ownAddress(c.record.HostConfig.NetworkMode) {
		b.mu.Lock()
		n, err := b.addresses.take()
		b.mu.Unlock()
		if err != nil {
			return err
		}
		c.record.Address = n
	}
	if err := c.makeRoot(image); err != nil {
		return err
	}
	if err := c.mount(); err != nil {
		return err
	}
	log, err := logs.Open(c.logPath(), 0)
	if err != nil {
		return err
	}
	c.log = log
	return c.save()
}

// discard takes back what create made.
func (c *container) discard() error {
	record := c.copy()
	c.box.mu.Lock()
	delete(c.box.names, record.Name)
	delete(c.box.containers, record.ID)
	c.box.addresses.free(record.Address)
	c.box.mu.Unlock()
	var faults []error
	if c.log != nil {
		faults = append(faults, c.log.Close())
	}
	// The record first: a half-removed folder without it is cleared at the next start.
	if err := os.Remove(filepath.Join(c.dir, recordFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		faults = append(faults, err)
	}
	return errors.Join(append(faults, os.RemoveAll(c.dir))...)
}

// reserve takes a name, or makes one up.
func (b *Box) reserve(name, id string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for try := 0; name == ""; try++ {
		if random := namesgenerator.GetRandomName(try); b.names[random] == "" {
			name = random
		}
	}
	if !validName(name) {
		return "", status.Invalid("Invalid container name (%s), only %s are allowed", name, namePattern)
	}
	if other, taken := b.names[name]; taken {
		return "", status.Conflict("Conflict. The container name %q is already in use by container %q. You have to remove (or rename) that container to be able to reuse that name.", "/"+name, other)
	}
	b.names[name] = id
	return name, nil
}

// merge fills what the caller left open from the image, as dockerd does.
func merge(config *api.Config, image *images.Image) {
	from := image.Spec.Config
	if len(config.Entrypoint) == 0 {
		if len(config.Cmd) == 0 {
			config.Cmd = from.Cmd
		}
		if config.Entrypoint == nil {
			config.Entrypoint = from.Entrypoint
		}
	}
	if len(config.Entrypoint) == 1 && config.Entrypoint[0] == "" {
		config.Entrypoint = nil
	}
	given := map[string]bool{}
	for _, variable := range config.Env {
		name, _, _ := strings.Cut(variable, "=")
		given[name] = true
	}
	var env []string
	for _, variable := range from.Env {
		if name, _, _ := strings.Cut(variable, "="); !given[name] {
			env = append(env, variable)
		}
	}
	config.Env = append(env, config.Env...)
	if config.WorkingDir == "" {
		config.WorkingDir = from.WorkingDir
	}
	if config.User == "" {
		config.User = from.User
	}
	if config.StopSignal == "" {
		config.StopSignal = from.StopSignal
	}
	labels := maps.Clone(from.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, config.Labels)
	config.Labels = labels
	if config.ExposedPorts == nil {
		config.ExposedPorts = nat.PortSet{}
	}
	for port := range from.ExposedPorts {
		config.ExposedPorts[nat.Port(port)] = struct{}{}
	}
	volumes := map[string]struct{}{}
	maps.Copy(volumes, config.Volumes)
	maps.Copy(volumes, from.Volumes)
	config.Volumes = volumes
	config.Healthcheck = mergeHealth(config.Healthcheck, from.Healthcheck)
}

func mergeHealth(mine, images *api.HealthConfig) *api.HealthConfig {
	if mine == nil || images == nil {
		if mine == nil {
			return images
		}
		return mine
	}
	merged := *mine
	if len(merged.Test) == 0 {
		merged.Test = images.Test
	}
	for _, pair := range []struct{ mine, images *time.Duration }{
		{&merged.Interval, &images.Interval},
		{&merged.Timeout, &images.Timeout},
		{&merged.StartPeriod, &images.StartPeriod},
		{&merged.StartInterval, &images.StartInterval},
	} {
		if *pair.mine == 0 {
			*pair.mine = *pair.images
		}
	}
	if merged.Retries == 0 {
		merged.Retries = images.Retries
	}
	return &merged
}

// join records the networks of a new container; they change nothing but what inspect shows.
func (b *Box) join(host *api.HostConfig, asked *network.NetworkingConfig) (map[string]*network.EndpointSettings, error) {
	mode := host.NetworkMode
	if mode.IsContainer() {
		other, err := b.find(mode.ConnectedContainer())
		if err != nil {
			return nil, err
		}
		host.NetworkMode = api.NetworkMode("container:" + other.copy().ID)
		return map[string]*network.EndpointSettings{}, nil
	}
	name := string(mode)
	if name == "" || mode.IsDefault() {
		name = network.NetworkBridge
		host.NetworkMode = network.NetworkBridge
	}
	names := []string{name}
	if asked != nil {
		for other := range asked.EndpointsConfig {
			if other != "" && other != network.NetworkDefault && !slices.Contains(names, other) {
				names = append(names, other)
			}
		}
	}
	joined := map[string]*network.EndpointSettings{}
	for _, name := range names {
		found, err := b.findNetwork(name)
		if err != nil {
			return nil, err
		}
		endpoint := &network.EndpointSettings{}
		if asked != nil && asked.EndpointsConfig[name] != nil {
			endpoint = asked.EndpointsConfig[name].Copy()
		}
		endpoint.NetworkID, endpoint.EndpointID = found.ID, newID()
		joined[found.Name] = endpoint
	}
	return joined, nil
}
