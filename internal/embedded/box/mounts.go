package box

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	api "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

// wantedMount is a mount that was asked for.
type wantedMount struct {
	kind      mount.Type
	source    string // volume name, or a path of the machine
	target    string // clean absolute path in the container
	readOnly  bool
	mustExist bool // the machine's path; else it is made
	noCopy    bool // of the image's content into a new volume
	labels    map[string]string
}

// wantedMounts reads Binds, Mounts and Volumes; anonymous volumes have no source yet.
func wantedMounts(config *api.Config, host *api.HostConfig) ([]wantedMount, error) {
	var list []wantedMount
	for _, bind := range host.Binds {
		m, err := readBind(bind)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	for _, asked := range host.Mounts {
		if asked.Type == mount.TypeTmpfs {
			continue // a folder in the root, see tmpfsOf
		}
		m, err := readMount(asked)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	taken := map[string]bool{}
	for _, m := range list {
		taken[path.Clean(m.target)] = true
	}
	for target := range config.Volumes {
		if !taken[path.Clean(target)] {
			list = append(list, wantedMount{kind: mount.TypeVolume, target: target})
		}
	}
	return list, checkTargets(list, host)
}

// readBind reads SOURCE:TARGET[:OPTIONS].
func readBind(bind string) (wantedMount, error) {
	parts := strings.Split(bind, ":")
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" {
		return wantedMount{}, status.Invalid("invalid volume specification: '%s'", bind)
	}
	m := wantedMount{kind: mount.TypeVolume, source: parts[0], target: parts[1]}
	if path.IsAbs(parts[0]) {
		m.kind = mount.TypeBind
	}
	if len(parts) == 3 {
		options := strings.Split(parts[2], ",")
		m.readOnly, m.noCopy = slices.Contains(options, "ro"), slices.Contains(options, "nocopy")
	}
	return m, nil
}

func readMount(asked mount.Mount) (wantedMount, error) {
	m := wantedMount{kind: asked.Type, source: asked.Source, target: asked.Target, readOnly: asked.ReadOnly, mustExist: true}
	switch asked.Type {
	case mount.TypeBind:
		m.mustExist = asked.BindOptions == nil || !asked.BindOptions.CreateMountpoint
		if !path.IsAbs(asked.Source) {
			return m, status.Invalid("invalid mount config for type \"bind\": invalid mount path: '%s' mount path must be absolute", asked.Source)
		}
	case mount.TypeVolume:
		options := asked.VolumeOptions
		if options == nil {
			break
		}
		m.noCopy, m.labels = options.NoCopy, options.Labels
		if options.Subpath != "" || (options.DriverConfig != nil && options.DriverConfig.Name != "" && options.DriverConfig.Name != "local") {
			return m, status.Invalid("a process box does not support volume subpaths and drivers")
		}
	default:
		return m, status.Invalid("a process box does not support mounts of type %q", asked.Type)
	}
	return m, nil
}

// checkTargets cleans the targets and refuses those that symlinks cannot do.
func checkTargets(list []wantedMount, host *api.HostConfig) error {
	var targets []string
	for i := range list {
		m := &list[i]
		if !path.IsAbs(m.target) || path.Clean(m.target) == "/" {
			return status.Invalid("invalid mount config: '%s' is not an absolute path below /", m.target)
		}
		m.target = path.Clean(m.target)
		if m.kind == mount.TypeVolume && m.source != "" && !validName(m.source) {
			return status.Invalid("%q includes invalid characters for a local volume name, only %q are allowed", m.source, namePattern)
		}
		targets = append(targets, m.target)
	}
	for target := range tmpfsOf(host) {
		if !path.IsAbs(target) || target == "/" {
			return status.Invalid("invalid mount config: '%s' is not an absolute path below /", target)
		}
		targets = append(targets, target)
	}
	slices.Sort(targets)
	for i := 1; i < len(targets); i++ {
		if targets[i] == targets[i-1] {
			return status.Invalid("Duplicate mount point: %s", targets[i])
		}
		if strings.HasPrefix(targets[i], targets[i-1]+"/") {
			return status.Invalid("mounts %s and %s overlap: on a process box a mount is a symlink, which cannot hold another one", targets[i-1], targets[i])
		}
	}
	return nil
}

// tmpfsOf are the tmpfs mounts by target; on a process box they are folders that each start empties.
func tmpfsOf(host *api.HostConfig) map[string]bool {
	all := map[string]bool{}
	for target := range host.Tmpfs {
		all[path.Clean(target)] = true
	}
	for _, m := range host.Mounts {
		if m.Type == mount.TypeTmpfs {
			all[path.Clean(m.Target)] = true
		}
	}
	return all
}

// mount puts the mounts into the root of a new container, as symlinks.
func (c *container) mount() error {
	list, err := wantedMounts(c.record.Config, c.record.HostConfig)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(c.root())
	if err != nil {
		return fmt.Errorf("open the root of container %s: %w", c.record.Name, err)
	}
	defer closeRoot(root)
	for _, m := range list {
		point, err := c.mountPoint(m)
		if err != nil {
			return err
		}
		if err := c.link(root, m, point); err != nil {
			return fmt.Errorf("mount %s in container %s: %w", m.target, c.record.Name, err)
		}
		c.record.Mounts = append(c.record.Mounts, point)
	}
	return nil
}

// mountPoint makes the source of a mount.
func (c *container) mountPoint(m wantedMount) (api.MountPoint, error) {
	point := api.MountPoint{Type: m.kind, Source: m.source, Destination: m.target, RW: !m.readOnly}
	if m.kind == mount.TypeBind {
		point.Propagation = mount.PropagationRPrivate
		_, err := os.Stat(m.source)
		if errors.Is(err, fs.ErrNotExist) && m.mustExist {
			return point, status.Invalid("invalid mount config for type \"bind\": bind source path does not exist: %s", m.source)
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = os.MkdirAll(m.source, 0o755)
		}
		if err != nil {
			return point, status.Failed("mount %s: %v", m.source, err)
		}
		return point, nil
	}
	point.Name, point.Driver = cmp.Or(m.source, newID()), "local"
	if m.source == "" {
		c.record.Anonymous = append(c.record.Anonymous, point.Name)
	}
	volume, err := c.box.makeVolume(point.Name, m.labels)
	if err != nil {
		return point, err
	}
	point.Source = volume.Mountpoint
	return point, nil
}

func (c *container) link(root *os.Root, m wantedMount, point api.MountPoint) error {
	relative := relativeTo(m.target)
	if err := root.MkdirAll(filepath.Dir(relative), 0o755); err != nil {
		return err
	}
	if m.kind == mount.TypeVolume && !m.noCopy {
		if err := fillVolume(filepath.Join(c.root(), relative), point.Source); err != nil {
			return err
		}
	}
	if err := root.RemoveAll(relative); err != nil {
		return err
	}
	return root.Symlink(point.Source, relative)
}

// fillVolume copies what the image has at a mount's target into an empty volume, as dockerd does.
func fillVolume(from, to string) error {
	entries, err := os.ReadDir(to)
	if err != nil || len(entries) > 0 {
		return err
	}
	if info, err := os.Lstat(from); err != nil || !info.IsDir() {
		return nil // nothing there
	}
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil || relative == "." {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if info.Mode().IsRegular() {
			return copyFile(path, filepath.Join(to, relative), info.Mode().Perm())
		}
		return place(path, filepath.Join(to, relative), entry)
	})
}
