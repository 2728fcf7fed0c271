package box

import (
	"archive/tar"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	api "github.com/docker/docker/api/types/container"

	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

// spot is a place of a container: below its root, or below a mount's source.
type spot struct {
	root     *os.Root
	relative string
}

// spotOf finds where a path of the container is kept. The caller closes the root.
func (c *container) spotOf(name string) (spot, error) {
	name = path.Join("/", name)
	base, relative := c.root(), relativeTo(name)
	for _, mount := range c.copy().Mounts {
		below, ok := strings.CutPrefix(name, mount.Destination)
		if ok && (below == "" || below[0] == '/') {
			base, relative = mount.Source, relativeTo(below)
		}
	}
	if info, err := os.Stat(base); err == nil && !info.IsDir() { // a file that is mounted
		base, relative = filepath.Dir(base), filepath.Base(base)
	}
	root, err := os.OpenRoot(base)
	if err != nil {
		return spot{}, status.Failed("open %s: %v", name, err)
	}
	return spot{root: root, relative: relative}, nil
}

// serveArchivePut unpacks a tar into the container: `docker cp` to it, and how secrets get there.
func (c *container) serveArchivePut(w http.ResponseWriter, r *http.Request) error {
	folder := r.URL.Query().Get("path")
	if folder == "" {
		return status.Invalid("missing parameter in request: 'path'")
	}
	at, err := c.spotOf(folder)
	if err != nil {
		return err
	}
	info, err := at.root.Stat(at.relative)
	closeRoot(at.root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return status.NotFound("Could not find the file %s in container %s", folder, c.copy().ID)
	case err != nil:
		return status.Failed("look at %s: %v", folder, err)
	case !info.IsDir():
		return status.Invalid("extraction point is not a directory: %s", folder)
	}
	reader := tar.NewReader(io.LimitReader(r.Body, c.box.options.archiveLimit()))
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			w.WriteHeader(http.StatusOK)
			return nil
		}
		if err != nil {
			return status.Invalid("read the archive: %v", err)
		}
		if !filepath.IsLocal(strings.TrimPrefix(header.Name, "/")) {
			return status.Invalid("archive entry %q leads out of the folder", header.Name)
		}
		if err := c.unpackEntry(folder, header, reader); err != nil {
			return err
		}
	}
}

func (c *container) unpackEntry(folder string, header *tar.Header, content io.Reader) error {
	name := path.Join("/", folder, strings.TrimPrefix(header.Name, "/"))
	at, err := c.spotOf(name)
	if err != nil {
		return err
	}
	defer closeRoot(at.root)
	mode := fs.FileMode(header.Mode).Perm()
	switch header.Typeflag {
	case tar.TypeDir:
		if info, statErr := at.root.Stat(at.relative); statErr == nil && info.IsDir() {
			return nil
		}
		err = at.root.MkdirAll(at.relative, mode|0o700)
	case tar.TypeReg:
		err = replaceFile(at, mode, content)
	default:
		return status.Invalid("archive entry %q: a process box takes files and folders only", header.Name)
	}
	if err != nil {
		return status.Failed("unpack %s: %v", name, err)
	}
	return nil
}

// replaceFile makes a new file rather than writing into the old one, which may be a hard link to the image's.
func replaceFile(at spot, mode fs.FileMode, content io.Reader) error {
	if err := at.root.MkdirAll(filepath.Dir(at.relative), 0o755); err != nil {
		return err
	}
	if err := at.root.Remove(at.relative); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := at.root.OpenFile(at.relative, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Chmod(mode|0o400), file.Close())
}

// serveArchiveGet packs a file or folder of the container: `docker cp` from it.
func (c *container) serveArchiveGet(w http.ResponseWriter, r *http.Request) error {
	name := r.URL.Query().Get("path")
	if name == "" {
		return status.Invalid("missing parameter in request: 'path'")
	}
	at, err := c.spotOf(name)
	if err != nil {
		return err
	}
	defer closeRoot(at.root)
	info, err := at.root.Stat(at.relative)
	if err != nil {
		return status.NotFound("Could not find the file %s in container %s", name, c.copy().ID)
	}
	stat, err := json.Marshal(api.PathStat{Name: path.Base(path.Join("/", name)), Size: info.Size(), Mode: info.Mode(), Mtime: info.ModTime()})
	if err != nil {
		return err
	}
	w.Header().Set("X-Docker-Container-Path-Stat", base64.StdEncoding.EncodeToString(stat))
	w.Header().Set("Content-Type", "application/x-tar")
	if r.Method == http.MethodHead {
		return nil
	}
	archive := tar.NewWriter(w)
	if err := pack(archive, at, path.Base(path.Join("/", name))); err != nil {
		c.box.logger.Info("pack a container's files", "container", c.copy().Name, "path", name, "error", err)
		return nil // the status is out: the archive stays without its end, which tells
	}
	return archive.Close()
}

func pack(archive *tar.Writer, at spot, top string) error {
	return fs.WalkDir(at.root.FS(), at.relative, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		target := ""
		if info.Mode()&fs.ModeSymlink != 0 {
			if target, err = at.root.Readlink(name); err != nil {
				return err
			}
		}
		if !info.Mode().IsRegular() && !info.IsDir() && target == "" {
			return nil // sockets and pipes
		}
		header, err := tar.FileInfoHeader(info, target)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(at.relative, name)
		if err != nil {
			return err
		}
		header.Name = path.Join(top, relative)
		if err := archive.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
			return err
		}
		file, err := at.root.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = io.CopyN(archive, file, header.Size) // one that grows is cut, one that shrinks fails
		return err
	})
}
