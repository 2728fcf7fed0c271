package box

import (
	"net/http"
	"regexp"
	"slices"
	"sort"
	"strings"

	api "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

func (b *Box) containerRoutes(handle func(string, handler)) {
	// with finds the container that a path names.
	with := func(pattern string, h func(*container, http.ResponseWriter, *http.Request) error) {
		handle(pattern, func(w http.ResponseWriter, r *http.Request) error {
			c, err := b.find(r.PathValue("id"))
			if err != nil {
				return err
			}
			return h(c, w, r)
		})
	}
	handle("GET /containers/json", b.listContainers)
	handle("POST /containers/create", b.createContainer)
	handle("POST /containers/prune", b.pruneContainers)
	with("GET /containers/{id}/json", (*container).serveInspect)
	with("POST /containers/{id}/start", (*container).serveStart)
	with("POST /containers/{id}/stop", (*container).serveStop)
	with("POST /containers/{id}/restart", (*container).serveRestart)
	with("POST /containers/{id}/kill", (*container).serveKill)
	with("POST /containers/{id}/wait", (*container).serveWait)
	with("POST /containers/{id}/rename", (*container).serveRename)
	with("POST /containers/{id}/update", (*container).serveUpdate)
	with("DELETE /containers/{id}", (*container).serveRemove)
	with("GET /containers/{id}/logs", (*container).serveLogs)
	with("POST /containers/{id}/attach", (*container).serveAttach)
	with("GET /containers/{id}/stats", (*container).serveStats)
	with("GET /containers/{id}/top", (*container).serveTop)
	with("GET /containers/{id}/archive", (*container).serveArchiveGet) // HEAD too
	with("PUT /containers/{id}/archive", (*container).serveArchivePut)
	with("POST /containers/{id}/exec", (*container).serveExecCreate)
	handle("POST /exec/{id}/start", b.serveExecStart)
	handle("GET /exec/{id}/json", b.serveExecInspect)
}

// find looks a container up by id, name, or a beginning of its id.
func (b *Box) find(name string) (*container, error) {
	name = strings.TrimPrefix(name, "/")
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.containers[name]; c != nil {
		return c, nil
	}
	if c := b.containers[b.names[name]]; c != nil {
		return c, nil
	}
	var found *container
	for id, c := range b.containers {
		if name == "" || !strings.HasPrefix(id, name) {
			continue
		}
		if found != nil {
			return nil, status.Invalid("container id %s is ambiguous", name)
		}
		found = c
	}
	if found == nil {
		return nil, status.NotFound("No such container: %s", name)
	}
	return found, nil
}

// accepting is nil unless the box is closing.
func (b *Box) accepting() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closing {
		return &status.Error{Code: http.StatusServiceUnavailable, Text: "the process box is closing"}
	}
	return nil
}

func (b *Box) snapshot() []record {
	b.mu.Lock()
	list := b.all()
	b.mu.Unlock()
	records := make([]record, 0, len(list))
	for _, c := range list {
		records = append(records, c.copy())
	}
	return records
}

// usersOfImage are the ids of the containers of an image, shortened.
func (b *Box) usersOfImage(image string) []string {
	var users []string
	for _, record := range b.snapshot() {
		if record.ImageID == image {
			users = append(users, record.ID[:12])
		}
	}
	return users
}

// usersOfVolume are the ids of the containers with a volume.
func (b *Box) usersOfVolume(volume string) []string {
	var users []string
	for _, record := range b.snapshot() {
		if slices.ContainsFunc(record.Mounts, func(m api.MountPoint) bool { return m.Name == volume && m.Name != "" }) {
			users = append(users, record.ID)
		}
	}
	return users
}

func (b *Box) listContainers(w http.ResponseWriter, r *http.Request) error {
	args, err := filtersOf(r, "id", "name", "label", "status", "ancestor", "health", "network", "volume", "exited", "before", "since")
	if err != nil {
		return err
	}
	for _, asked := range args.Get("status") {
		if err := api.ValidateContainerState(asked); err != nil {
			return status.Invalid("%v", err)
		}
	}
	limit, err := number(r, "limit", 0)
	if err != nil {
		return err
	}
	all := flag(r, "all") || limit > 0 || args.Contains("status") || args.Contains("exited")
	list, err := b.chosen(args, all)
	if err != nil {
		return err
	}
	if limit > 0 && len(list) > limit {
		list = list[:limit]
	}
	summaries := []api.Summary{}
	for _, c := range list {
		summaries = append(summaries, c.summary())
	}
	return reply(w, http.StatusOK, summaries)
}

// chosen are the containers that match, the newest first.
func (b *Box) chosen(args filters.Args, all bool) ([]*container, error) {
	before, err := b.edge(args, "before")
	if err != nil {
		return nil, err
	}
	since, err := b.edge(args, "since")
	if err != nil {
		return nil, err
	}
	ancestors := map[string]bool{}
	for _, name := range args.Get("ancestor") {
		if image, err := b.images.Get(name); err == nil {
			ancestors[image.ID] = true
		}
	}
	b.mu.Lock()
	list := b.all()
	b.mu.Unlock()
	records := map[*container]record{}
	list = slices.DeleteFunc(list, func(c *container) bool {
		record := c.copy()
		records[c] = record
		switch {
		case !all && !c.live(),
			before != nil && !record.Created.Before(before.Created),
			since != nil && !record.Created.After(since.Created),
			args.Contains("ancestor") && !ancestors[record.ImageID]:
			return true
		}
		return !c.matches(args, record)
	})
	sort.Slice(list, func(i, j int) bool { return records[list[i]].Created.After(records[list[j]].Created) })
	return list, nil
}

func (b *Box) edge(args filters.Args, field string) (*record, error) {
	names := args.Get(field)
	if len(names) == 0 {
		return nil, nil
	}
	c, err := b.find(names[0])
	if err != nil {
		return nil, err
	}
	record := c.copy()
	return &record, nil
}

func (c *container) matches(args filters.Args, record record) bool {
	health := api.NoHealthcheck
	if h := c.healthNow(); h != nil {
		health = h.Status
	}
	networks, volumes := false, false
	for name, endpoint := range record.Networks {
		networks = networks || args.ExactMatch("network", name) || args.FuzzyMatch("network", endpoint.NetworkID)
	}
	for _, mount := range record.Mounts {
		volumes = volumes || args.ExactMatch("volume", mount.Name) || args.ExactMatch("volume", mount.Destination)
	}
	exited := !args.Contains("exited") || (record.State.Status == api.StateExited && args.ExactMatch("exited", itoa(record.State.ExitCode)))
	return args.FuzzyMatch("id", record.ID) &&
		(!args.Contains("name") || matchesAny(args.Get("name"), []string{record.Name, "/" + record.Name})) &&
		args.MatchKVList("label", record.Config.Labels) && args.ExactMatch("status", record.State.Status) &&
		args.ExactMatch("health", health) && exited &&
		(!args.Contains("network") || networks) && (!args.Contains("volume") || volumes)
}

// matchesAny matches as dockerd does: a pattern anywhere in the text, a bad pattern literally.
func matchesAny(patterns, texts []string) bool {
	for _, pattern := range patterns {
		expression, err := regexp.Compile(pattern)
		for _, text := range texts {
			if text == pattern || (err == nil && expression.MatchString(text)) {
				return true
			}
		}
	}
	return false
}

func (b *Box) pruneContainers(w http.ResponseWriter, r *http.Request) error {
	args, err := filtersOf(r, "label")
	if err != nil {
		return err
	}
	report := api.PruneReport{ContainersDeleted: []string{}}
	list, err := b.chosen(args, true)
	if err != nil {
		return err
	}
	for _, c := range list {
		if c.live() {
			continue
		}
		if err := c.remove(false, false); err != nil {
			return err
		}
		report.ContainersDeleted = append(report.ContainersDeleted, c.copy().ID)
	}
	return reply(w, http.StatusOK, report)
}
