package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"
)

// Repository is the part of our images' names between the registry and the image: HOST/overcloud/NAME:VERSION.
const Repository = "overcloud"

// publishAtOnce bounds the images that are read and sent at the same time; more only fight for two cores.
const publishAtOnce = 2

// Entry is one of OverCloud's own images.
type Entry struct {
	Name string
	// Binaries are the names of its files in the binaries' folder; each is /<binary> in the image, and the
	// first is the entrypoint.
	Binaries []string
	Ports    []int // exposed
}

// Catalog lists OverCloud's own images.
func Catalog() []Entry {
	return []Entry{
		{Name: "edge", Binaries: []string{"edge"}, Ports: []int{8096}},
		{Name: "influxdb", Binaries: []string{"influxdb", "influxd"}, Ports: []int{8086}},
		{Name: "kafka", Binaries: []string{"kafka"}, Ports: []int{9092, 9093}},
		{Name: "probe", Binaries: []string{"probe"}},
		{Name: "room", Binaries: []string{"room"}, Ports: []int{8095}},
		{Name: "ui", Binaries: []string{"ui"}, Ports: []int{8080}},
		{Name: "worker", Binaries: []string{"worker"}, Ports: []int{9101, 9102, 9103}},
	}
}

// Ref is the full name of one of our images.
func Ref(registryHost, image, version string) string {
	return registryHost + "/" + Repository + "/" + image + ":" + version
}

// platformFolders are the platforms that Publish looks for beside this machine's own.
func platformFolders() map[Platform]string {
	return map[Platform]string{
		{"linux", "amd64", ""}:   "linux-amd64",
		{"linux", "arm64", ""}:   "linux-arm64",
		{"linux", "arm", "v7"}:   "linux-arm-v7",
		{"linux", "arm", "v6"}:   "linux-arm-v6",
		{"linux", "riscv64", ""}: "linux-riscv64",
	}
}

// hostPlatform is this machine's; a 32-bit ARM is taken for v7, as Docker does.
func hostPlatform() Platform {
	p := Platform{OS: runtime.GOOS, Arch: runtime.GOARCH}
	if p.Arch == "arm" {
		p.Variant = "v7"
	}
	return p
}

// Publish assembles every image of the catalog and pushes it as registryHost/overcloud/<name>:<version>.
// Binaries for this machine lie in binDir/<binary> and must be there; those for other platforms in
// binDir/<os>-<arch>[-<variant>]/<binary> and are taken when all of an image are there. cacheDir keeps digests
// of unchanged binaries (empty: none). progress, which may be nil, hears the name of each image that is done,
// one call at a time. Running it twice sends nothing the second time.
func Publish(ctx context.Context, registryHost, version, binDir, cacheDir string, progress func(name string)) error {
	return publish(ctx, Catalog(), registryHost, version, binDir, cacheDir, progress)
}

func publish(ctx context.Context, catalog []Entry, registryHost, version, binDir, cacheDir string, progress func(name string)) error {
	var missing []error
	all := make([]map[Platform]map[string]string, 0, len(catalog))
	for _, one := range catalog {
		files, err := binaries(one, binDir)
		missing = append(missing, err)
		all = append(all, files)
	}
	if err := errors.Join(missing...); err != nil {
		return fmt.Errorf("publish OverCloud's images: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(publishAtOnce)
	done := make(chan string)
	told := make(chan struct{})
	go func() {
		defer close(told)
		for name := range done {
			if progress != nil {
				progress(name)
			}
		}
	}()
	for i, one := range catalog {
		group.Go(func() error {
			if err := publishOne(ctx, one, all[i], registryHost, version, cacheDir); err != nil {
				return err
			}
			done <- one.Name
			return nil
		})
	}
	err := group.Wait()
	close(done)
	<-told
	return err
}

func publishOne(ctx context.Context, one Entry, files map[Platform]map[string]string, registryHost, version, cacheDir string) error {
	images := make(map[Platform]v1.Image, len(files))
	for platform, content := range files {
		image, err := Assemble(Options{
			Name: one.Name, Version: version, Files: content, Platform: platform,
			Entrypoint: []string{"/" + one.Binaries[0]}, Ports: one.Ports, CacheDir: cacheDir,
		})
		if err != nil {
			return err
		}
		images[platform] = image
	}
	return Push(ctx, Ref(registryHost, one.Name, version), images)
}

// binaries finds an image's files for each platform that has all of them.
func binaries(one Entry, binDir string) (map[Platform]map[string]string, error) {
	found := map[Platform]map[string]string{}
	for platform, folder := range platformFolders() {
		if files, missing := filesIn(one, filepath.Join(binDir, folder)); len(missing) == 0 {
			found[platform] = files
		}
	}
	files, missing := filesIn(one, binDir)
	if len(missing) > 0 {
		return nil, fmt.Errorf("image %s: %s missing (make build makes them)", one.Name, strings.Join(missing, ", "))
	}
	found[hostPlatform()] = files
	return found, nil
}

func filesIn(one Entry, dir string) (files map[string]string, missing []string) {
	files = make(map[string]string, len(one.Binaries))
	for _, binary := range one.Binaries {
		local := filepath.Join(dir, binary)
		if info, err := os.Stat(local); err != nil || !info.Mode().IsRegular() {
			missing = append(missing, local)
		}
		files["/"+binary] = local
	}
	return files, missing
}
