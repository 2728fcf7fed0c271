package box

import (
	"path/filepath"
	"sync"
	"syscall"

	"github.com/overcloud/overcloud/internal/embedded/box/images"
	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

// fingerprint tells whether a file may have changed since its digest was checked. No program can set the
// change time.
type fingerprint struct {
	device, inode uint64
	size          int64
	changed       syscall.Timespec
}

func fingerprintOf(path string) (fingerprint, error) {
	var stat syscall.Stat_t
	if err := syscall.Stat(path, &stat); err != nil {
		return fingerprint{}, err
	}
	return fingerprint{device: uint64(stat.Dev), inode: stat.Ino, size: stat.Size, changed: stat.Ctim}, nil
}

// verified remembers what was checked, for health probes and execs: hashing a program of 48 MB took
// 60 ms on 2 cores, which is little for a start and too much for a probe each second.
type verified struct {
	mu    sync.Mutex
	files map[string]fingerprint
}

// quickly verifies a program unless it is the very file that was verified before.
func (v *verified) quickly(path string, verify func(string) error) error {
	now, err := fingerprintOf(path)
	if err != nil {
		return status.Failed("check %s: %v", path, err)
	}
	v.mu.Lock()
	before, known := v.files[path]
	v.mu.Unlock()
	if known && before == now {
		return nil
	}
	if err := verify(path); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.files == nil {
		v.files = map[string]fingerprint{}
	}
	v.files[path] = now // of before the check: a change during it shows
	return nil
}

// verify compares a program with the digest of what was unpacked from the image's layers.
func (c *container) verify(path string) error {
	record := c.copy()
	image, err := c.box.images.Get(record.ImageID)
	if err != nil {
		return err
	}
	top, err := filepath.EvalSymlinks(c.root())
	if err != nil {
		return status.Failed("check %s: %v", path, err)
	}
	relative, err := filepath.Rel(top, path)
	if err != nil {
		return status.Failed("check %s: %v", path, err)
	}
	want, known := image.Files[relative]
	if !known {
		return status.Invalid("/%s is no file of image %s: a process box runs binaries of the image only", relative, record.Config.Image)
	}
	got, err := images.HashFile(path)
	if err != nil {
		return status.Failed("check /%s: %v", relative, err)
	}
	if got == want {
		return nil
	}
	// The image's own copy is the same file where hard links work: then nothing more is made of it.
	if kept, err := images.HashFile(filepath.Join(image.Root(), relative)); err != nil || kept != want {
		if err := c.box.images.Condemn(image.ID); err != nil {
			c.box.logger.Error("condemn a changed image", "image", image.ID, "error", err)
		}
	}
	return status.Failed("/%s was changed after it was unpacked (it is %s, image %s has %s; pull the image again and make the container anew): digest does not match",
		relative, got, record.Config.Image, want)
}
