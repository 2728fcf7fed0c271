// Package software assembles images of unmodified third-party software from Debian's packages and Maven
// Central's jars, for machines that reach no registry of images. It owns the recipes; what is deployed with the
// images is in specs.
package software

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// suite is the Debian release whose packages are taken.
const suite = "bookworm"

//go:embed files
var scripts embed.FS

// Builder assembles images.
type Builder struct {
	// Cache keeps what was fetched, between runs; some 700 MB for all recipes.
	Cache string
	// Say hears what is being done, and may be nil.
	Say func(text string)
}

// Push assembles the recipes and pushes them to a registry, one after another; options are for the registry's
// transport and credentials. A second run fetches nothing and sends nothing. It needs root, mmdebstrap and, for
// jars, mvn.
func (b Builder) Push(ctx context.Context, registryHost string, transport http.RoundTripper, options []remote.Option, recipes ...Recipe) error {
	options = append(options, remote.WithContext(ctx))
	if transport != nil {
		options = append(options, remote.WithTransport(transport))
	}
	for _, recipe := range recipes {
		ref, err := name.ParseReference(registryHost + "/" + recipe.Name + ":" + recipe.Tag)
		if err != nil {
			return fmt.Errorf("name the image %s: %w", recipe.Name, err)
		}
		image, err := b.Image(ctx, recipe)
		if err != nil {
			return err
		}
		if err := remote.Write(ref, image, options...); err != nil {
			return fmt.Errorf("push %s: %w", ref, err)
		}
		b.say("pushed " + ref.String())
	}
	return nil
}

func (b Builder) say(text string) {
	if b.Say != nil {
		b.Say(text)
	}
}

// Image assembles one image for this machine's platform.
func (b Builder) Image(ctx context.Context, recipe Recipe) (v1.Image, error) {
	script, err := Script(recipe)
	if err != nil {
		return nil, err
	}
	root, err := b.packages(ctx, recipe)
	if err != nil {
		return nil, fmt.Errorf("assemble %s: %w", recipe.Name, err)
	}
	layers := []string{root}
	if len(recipe.Jars) > 0 {
		jars, err := b.jars(ctx, recipe)
		if err != nil {
			return nil, fmt.Errorf("assemble %s: %w", recipe.Name, err)
		}
		layers = append(layers, jars)
	}
	image, err := stack(layers, map[string][]byte{"entrypoint": script})
	if err != nil {
		return nil, fmt.Errorf("assemble %s: %w", recipe.Name, err)
	}
	return configure(image, recipe)
}

// packages is a root file system with the recipe's packages and what they need.
func (b Builder) packages(ctx context.Context, recipe Recipe) (string, error) {
	return b.cached(ctx, "root", recipe.Packages, func(to string) error {
		b.say("fetching " + strings.Join(recipe.Packages, ", ") + " from Debian's packages")
		return run(ctx, "", "mmdebstrap", "--variant=essential", "--include="+strings.Join(recipe.Packages, ","),
			// Documentation and other languages are half of such an image.
			"--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*",
			"--dpkgopt=path-exclude=/usr/share/locale/*", "--customize-hook=rm -rf $1/var/cache/apt $1/var/lib/apt/lists/*",
			// Java's packages link their manual pages and fail without the folder.
			"--setup-hook=mkdir -p $1/usr/share/man/man1", suite, to)
	})
}

// jars is a layer with the recipe's jars and all that they need.
func (b Builder) jars(ctx context.Context, recipe Recipe) (string, error) {
	return b.cached(ctx, "jars", append([]string{recipe.JarFolder}, recipe.Jars...), func(to string) error {
		work, err := os.MkdirTemp(b.Cache, "jars-")
		if err != nil {
			return fmt.Errorf("make a folder for jars: %w", err)
		}
		defer os.RemoveAll(work)
		root := filepath.Join(work, "root")
		if err := b.fetch(ctx, recipe.Jars, work, filepath.Join(root, recipe.JarFolder)); err != nil {
			return err
		}
		return run(ctx, "", "tar", "-C", root, "--owner=0", "--group=0", "--sort=name", "--mtime=@0", "-cf", to, ".")
	})
}

// JarFolder is a folder of this machine with the recipe's jars and all that they need, fetched once into the cache:
// for whoever runs the software without an image. It needs mvn.
func (b Builder) JarFolder(ctx context.Context, recipe Recipe) (string, error) {
	name, err := cacheName("libs", recipe.Jars)
	if err != nil {
		return "", err
	}
	folder := filepath.Join(b.Cache, name)
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	if err := os.MkdirAll(b.Cache, 0o755); err != nil {
		return "", fmt.Errorf("make the cache: %w", err)
	}
	work, err := os.MkdirTemp(b.Cache, "libs-")
	if err != nil {
		return "", fmt.Errorf("make a folder for jars: %w", err)
	}
	defer os.RemoveAll(work)
	if err := b.fetch(ctx, recipe.Jars, work, filepath.Join(work, "libs")); err != nil {
		return "", err
	}
	err = os.Rename(filepath.Join(work, "libs"), folder)
	if _, missing := os.Stat(folder); err != nil && missing != nil { // else another process was first
		return "", fmt.Errorf("keep the jars of %s: %w", recipe.Name, err)
	}
	return folder, nil
}

// fetch copies jars of Maven Central, and all that they need, into a folder; work is for what it needs meanwhile.
func (b Builder) fetch(ctx context.Context, jars []string, work, folder string) error {
	b.say("fetching " + strings.Join(jars, ", ") + " from Maven Central")
	if err := os.WriteFile(filepath.Join(work, "pom.xml"), []byte(pom(jars)), 0o600); err != nil {
		return fmt.Errorf("write pom.xml: %w", err)
	}
	return run(ctx, work, "mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory="+folder, "-DincludeScope=runtime")
}

func pom(jars []string) string {
	var b strings.Builder
	b.WriteString("<project><modelVersion>4.0.0</modelVersion><groupId>lab</groupId><artifactId>lab</artifactId><version>1</version><dependencies>")
	for _, jar := range jars {
		parts := strings.SplitN(jar, ":", 3)
		fmt.Fprintf(&b, "<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency>", parts[0], parts[1], parts[2])
	}
	b.WriteString("</dependencies></project>")
	return b.String()
}

// cached makes a packed tar file once for what it is made from. One that was not finished has another name.
func (b Builder) cached(ctx context.Context, kind string, from []string, make func(to string) error) (string, error) {
	if err := os.MkdirAll(b.Cache, 0o755); err != nil {
		return "", fmt.Errorf("make the cache: %w", err)
	}
	name, err := cacheName(kind, from)
	if err != nil {
		return "", err
	}
	path := filepath.Join(b.Cache, name+".tar")
	packed := path + ".gz"
	if _, err := os.Stat(packed); err == nil {
		return packed, nil
	}
	unfinished := strings.TrimSuffix(path, ".tar") + ".new-" + strconv.Itoa(os.Getpid()) + ".tar"
	defer os.RemoveAll(unfinished)
	defer os.RemoveAll(unfinished + ".gz")
	if err := make(unfinished); err != nil {
		return "", err
	}
	// Packed once here: a registry's client would pack it anew for each question. -n leaves the time out.
	if err := run(ctx, "", "gzip", "-1", "-n", unfinished); err != nil {
		return "", err
	}
	return packed, os.Rename(unfinished+".gz", packed)
}

// cacheName is the same for the same things.
func cacheName(kind string, from []string) (string, error) {
	key, err := json.Marshal([]any{suite, from})
	if err != nil {
		return "", fmt.Errorf("name the cached file: %w", err)
	}
	sum := sha256.Sum256(key)
	return kind + "-" + hex.EncodeToString(sum[:8]), nil
}

// Script is the recipe's, which turns the environment into the software's own configuration.
func Script(recipe Recipe) ([]byte, error) {
	script, err := fs.ReadFile(scripts, "files/"+recipe.Script)
	if err != nil {
		return nil, fmt.Errorf("read the script of %s: %w", recipe.Name, err)
	}
	return script, nil
}

// stack makes an image of tar files, with files on top.
func stack(tars []string, files map[string][]byte) (v1.Image, error) {
	image := empty.Image
	for _, path := range tars {
		layer, err := tarball.LayerFromFile(path)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		if image, err = mutate.AppendLayers(image, layer); err != nil {
			return nil, fmt.Errorf("add %s: %w", path, err)
		}
	}
	top, err := programs(files)
	if err != nil {
		return nil, err
	}
	return mutate.AppendLayers(image, top)
}

func configure(image v1.Image, recipe Recipe) (v1.Image, error) {
	file, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("read the configuration of %s: %w", recipe.Name, err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", architecture()
	file.Config.Entrypoint = []string{"/entrypoint"}
	file.Config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"}
	file.Config.ExposedPorts = map[string]struct{}{}
	for _, port := range recipe.Ports {
		file.Config.ExposedPorts[strconv.Itoa(port)+"/tcp"] = struct{}{}
	}
	return mutate.ConfigFile(image, file)
}

// run runs a command; its last lines are in the error.
func run(ctx context.Context, dir, program string, args ...string) error {
	command := exec.CommandContext(ctx, program, args...)
	command.Dir = dir
	output, err := command.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%s is not installed (Debian: apt-get install %s): %w", program, packageOf(program), err)
	}
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(output)), "\n")
		return fmt.Errorf("%s: %w: %s", program, err, strings.Join(lines[max(0, len(lines)-5):], " | "))
	}
	return nil
}

func packageOf(program string) string {
	if program == "mvn" {
		return "maven"
	}
	return program
}
