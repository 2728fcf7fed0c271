package box

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types"
	api "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/api/types/volume"
	"golang.org/x/sys/unix"

	"github.com/overcloud/overcloud/internal/embedded/box/images"
	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

// operatingSystem is what `docker info` shows.
const operatingSystem = "OverCloud process box"

func (b *Box) systemRoutes(handle func(string, handler)) {
	ping := func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache, no-store, must-revalidate")
		_, err := w.Write([]byte("OK"))
		return err
	}
	handle("GET /_ping", ping) // HEAD too
	handle("GET /version", b.serveVersion)
	handle("GET /info", b.serveInfo)
	handle("GET /events", b.serveEvents)
	handle("GET /system/df", b.serveDiskUsage)
	for _, path := range []string{"/swarm", "/nodes", "/services", "/tasks", "/secrets", "/configs"} {
		handle("GET "+path, func(http.ResponseWriter, *http.Request) error {
			return &status.Error{Code: http.StatusServiceUnavailable, Text: "This node is not a swarm manager: a process box cannot join a swarm."}
		})
	}
}

func (b *Box) serveVersion(w http.ResponseWriter, _ *http.Request) error {
	version := types.Version{
		Version: serverVersion, APIVersion: apiVersion, MinAPIVersion: minAPIVersion, GoVersion: runtime.Version(),
		Os: "linux", Arch: runtime.GOARCH, KernelVersion: kernel(),
		Components: []types.ComponentVersion{{Name: "Engine", Version: serverVersion, Details: map[string]string{
			"ApiVersion": apiVersion, "MinAPIVersion": minAPIVersion, "Os": "linux", "Arch": runtime.GOARCH,
			"GoVersion": runtime.Version(), "KernelVersion": kernel(), "Experimental": "false",
		}}},
	}
	version.Platform.Name = operatingSystem
	return reply(w, http.StatusOK, version)
}

func (b *Box) serveInfo(w http.ResponseWriter, _ *http.Request) error {
	labels := []string{"overcloud.box=process"}
	for name, value := range b.options.Labels {
		labels = append(labels, name+"="+value)
	}
	sort.Strings(labels)
	info := system.Info{
		ID: b.id, Name: b.options.Name, Labels: labels, ServerVersion: serverVersion,
		OperatingSystem: operatingSystem, OSType: "linux", OSVersion: serverVersion,
		Architecture: machine(), KernelVersion: kernel(),
		NCPU: b.options.CPUs, MemTotal: b.options.MemoryBytes,
		Driver: "process", DriverStatus: [][2]string{{"Containers are", "processes of this machine, not isolated"}},
		DockerRootDir: b.options.Dir, LoggingDriver: "json-file", CgroupDriver: "none",
		Images: len(b.images.List()), SystemTime: time.Now().Format(time.RFC3339Nano),
		NGoroutines: runtime.NumGoroutine(), IPv4Forwarding: true,
		Plugins:  system.PluginsInfo{Volume: []string{"local"}, Network: []string{"bridge", "host"}, Log: []string{"json-file"}},
		Runtimes: map[string]system.RuntimeWithStatus{"process": {}}, DefaultRuntime: "process",
		Warnings: []string{
			"WARNING: process box: containers are not isolated from this machine or from one another",
			"WARNING: process box: ports are published on loopback addresses only",
			"WARNING: process box: cpu and memory limits are recorded, not enforced",
		},
	}
	info.Swarm.LocalNodeState = swarm.LocalNodeStateInactive
	b.mu.Lock()
	list := b.all()
	b.mu.Unlock()
	info.Containers = len(list)
	for _, c := range list {
		if c.live() {
			info.ContainersRunning++
		} else {
			info.ContainersStopped++
		}
	}
	return reply(w, http.StatusOK, info)
}

func (b *Box) serveDiskUsage(w http.ResponseWriter, _ *http.Request) error {
	usage := types.DiskUsage{Containers: []*api.Summary{}}
	for _, i := range b.images.List() {
		summary := b.imageSummary(i)
		usage.LayersSize += summary.Size
		usage.Images = append(usage.Images, &summary)
	}
	volumes, err := b.volumeList()
	if err != nil {
		return err
	}
	for _, v := range volumes {
		v.UsageData = &volume.UsageData{Size: -1, RefCount: int64(len(b.usersOfVolume(v.Name)))}
		usage.Volumes = append(usage.Volumes, v)
	}
	if usage.Images == nil {
		usage.Images = []*image.Summary{}
	}
	return reply(w, http.StatusOK, usage)
}

// loadID gives the box an id that stays.
func (b *Box) loadID() (string, error) {
	path := b.path("id")
	text, err := os.ReadFile(path)
	if err == nil && len(text) > 0 {
		return string(bytes.TrimSpace(text)), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read its id: %w", err)
	}
	id := newID()
	if err := images.WriteFile(path, []byte(id+"\n"), 0o644); err != nil {
		return "", fmt.Errorf("write its id: %w", err)
	}
	return id, nil
}

// machineMemory is the machine's memory in bytes, from /proc/meminfo.
func machineMemory() (int64, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("read the machine's memory: %w", err)
	}
	scanner := bufio.NewScanner(bytes.NewReader(text))
	for scanner.Scan() {
		fields := strings.Fields(scanner.Text())
		if len(fields) < 2 || fields[0] != "MemTotal:" {
			continue
		}
		kilobytes, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read the machine's memory: %w", err)
		}
		return kilobytes << 10, nil
	}
	return 0, errors.New("read the machine's memory: no MemTotal in /proc/meminfo")
}

func uname() unix.Utsname {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return unix.Utsname{} // it cannot fail with a valid pointer
	}
	return name
}

func kernel() string {
	name := uname()
	return unix.ByteSliceToString(name.Release[:])
}

// machine is the architecture as uname says it (x86_64, aarch64, armv7l), which is how dockerd reports it.
func machine() string {
	name := uname()
	return unix.ByteSliceToString(name.Machine[:])
}
