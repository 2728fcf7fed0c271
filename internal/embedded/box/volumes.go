package box

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"time"

	apievents "github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/volume"

	"github.com/overcloud/overcloud/internal/embedded/box/images"
	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

func (b *Box) volumeRoutes(handle func(string, handler)) {
	handle("GET /volumes", b.listVolumes)
	handle("POST /volumes/create", b.createVolume)
	handle("POST /volumes/prune", b.pruneVolumes)
	handle("GET /volumes/{name}", func(w http.ResponseWriter, r *http.Request) error {
		v, err := b.volume(r.PathValue("name"))
		if err != nil {
			return err
		}
		return reply(w, http.StatusOK, v)
	})
	handle("DELETE /volumes/{name}", func(w http.ResponseWriter, r *http.Request) error {
		if err := b.removeVolume(r.PathValue("name"), flag(r, "force")); err != nil {
			return err
		}
		return noContent(w)
	})
}

// volume reads one; its folder holds volume.json and _data.
func (b *Box) volume(name string) (*volume.Volume, error) {
	unknown := status.NotFound("get %s: no such volume", name)
	if !validName(name) {
		return nil, unknown
	}
	text, err := os.ReadFile(b.path("volumes", name, "volume.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, unknown
	}
	if err != nil {
		return nil, fmt.Errorf("read volume %s: %w", name, err)
	}
	v := &volume.Volume{}
	if err := json.Unmarshal(text, v); err != nil {
		return nil, fmt.Errorf("read volume %s: %w", name, err)
	}
	v.Mountpoint = b.path("volumes", name, "_data")
	return v, nil
}

// makeVolume makes one; one that is there stays as it is.
func (b *Box) makeVolume(name string, labels map[string]string) (*volume.Volume, error) {
	b.volumesMu.Lock()
	defer b.volumesMu.Unlock()
	v, err := b.volume(name)
	if err == nil || status.Code(err) != http.StatusNotFound {
		return v, err
	}
	v = &volume.Volume{
		Name: name, Driver: "local", Scope: "local", CreatedAt: time.Now().UTC().Format(time.RFC3339),
		Labels: labels, Options: map[string]string{}, Mountpoint: b.path("volumes", name, "_data"),
	}
	if v.Labels == nil {
		v.Labels = map[string]string{}
	}
	text, err := json.MarshalIndent(v, "", " ")
	if err == nil {
		err = os.MkdirAll(v.Mountpoint, 0o755)
	}
	if err == nil {
		err = images.WriteFile(b.path("volumes", name, "volume.json"), text, 0o644)
	}
	if err != nil {
		return nil, fmt.Errorf("make volume %s: %w", name, err)
	}
	b.events.tell(apievents.VolumeEventType, apievents.ActionCreate, name, map[string]string{"driver": "local"})
	return v, nil
}

func (b *Box) createVolume(w http.ResponseWriter, r *http.Request) error {
	request := volume.CreateOptions{}
	if err := body(r, &request); err != nil {
		return err
	}
	if request.Name == "" {
		request.Name = newID()
		if request.Labels == nil {
			request.Labels = map[string]string{}
		}
		request.Labels["com.docker.volume.anonymous"] = ""
	}
	switch {
	case !validName(request.Name):
		return status.Invalid("create %s: %q includes invalid characters for a local volume name, only %q are allowed", request.Name, request.Name, namePattern)
	case request.Driver != "" && request.Driver != "local":
		return status.NotFound("create %s: error looking up volume plugin %s: a process box has local volumes only", request.Name, request.Driver)
	case len(request.DriverOpts) > 0 || request.ClusterVolumeSpec != nil:
		return status.Invalid("create %s: a process box's volumes take no driver options", request.Name)
	}
	v, err := b.makeVolume(request.Name, request.Labels)
	if err != nil {
		return err
	}
	return reply(w, http.StatusCreated, v)
}

// removeVolume deletes a volume with its data; by force one that is not there is no error.
func (b *Box) removeVolume(name string, force bool) error {
	b.volumesMu.Lock()
	defer b.volumesMu.Unlock()
	if _, err := b.volume(name); err != nil {
		if force && status.Code(err) == http.StatusNotFound {
			return nil
		}
		return err
	}
	if users := b.usersOfVolume(name); len(users) > 0 {
		return status.Conflict("remove %s: volume is in use - %v", name, users)
	}
	if err := os.RemoveAll(b.path("volumes", name)); err != nil {
		return fmt.Errorf("remove volume %s: %w", name, err)
	}
	b.events.tell(apievents.VolumeEventType, apievents.ActionDestroy, name, map[string]string{"driver": "local"})
	return nil
}

func (b *Box) volumeList() ([]*volume.Volume, error) {
	entries, err := os.ReadDir(b.path("volumes"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list volumes: %w", err)
	}
	list := []*volume.Volume{}
	for _, entry := range entries {
		v, err := b.volume(entry.Name())
		if err != nil {
			if status.Code(err) != http.StatusNotFound { // being made or removed
				b.logger.Warn("list volumes", "error", err)
			}
			continue
		}
		list = append(list, v)
	}
	return list, nil
}

func (b *Box) listVolumes(w http.ResponseWriter, r *http.Request) error {
	args, err := filtersOf(r, "name", "label", "driver", "dangling")
	if err != nil {
		return err
	}
	dangling, err := args.GetBoolOrDefault("dangling", false)
	if err != nil {
		return status.Invalid("%v", err)
	}
	all, err := b.volumeList()
	if err != nil {
		return err
	}
	answer := volume.ListResponse{Volumes: []*volume.Volume{}, Warnings: []string{}}
	for _, v := range all {
		unused := !args.Contains("dangling") || dangling == (len(b.usersOfVolume(v.Name)) == 0)
		if unused && args.Match("name", v.Name) && args.MatchKVList("label", v.Labels) && args.ExactMatch("driver", v.Driver) {
			answer.Volumes = append(answer.Volumes, v)
		}
	}
	return reply(w, http.StatusOK, answer)
}

// pruneVolumes removes unused anonymous volumes, or with all=true all unused ones.
func (b *Box) pruneVolumes(w http.ResponseWriter, r *http.Request) error {
	args, err := filtersOf(r, "label", "all")
	if err != nil {
		return err
	}
	everything, err := args.GetBoolOrDefault("all", false)
	if err != nil {
		return status.Invalid("%v", err)
	}
	all, err := b.volumeList()
	if err != nil {
		return err
	}
	report := volume.PruneReport{VolumesDeleted: []string{}}
	for _, v := range all {
		_, anonymous := v.Labels["com.docker.volume.anonymous"]
		if (!anonymous && !everything) || !args.MatchKVList("label", v.Labels) || len(b.usersOfVolume(v.Name)) > 0 {
			continue
		}
		if err := b.removeVolume(v.Name, true); err != nil {
			return err
		}
		report.VolumesDeleted = append(report.VolumesDeleted, v.Name)
	}
	return reply(w, http.StatusOK, report)
}
