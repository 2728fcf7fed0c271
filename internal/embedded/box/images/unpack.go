package images

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// unpacker puts layers over one another into a folder. Every operation goes through os.Root, so that no
// entry and no symlink can lead out of it.
type unpacker struct {
	dir    string
	root   *os.Root
	limits Limits
	bytes  int64 // unpacked so far
	count  int   // entries so far
	files  map[string]string
}

// layer unpacks one layer and returns the digest of its uncompressed tar.
func (u *unpacker) layer(ctx context.Context, blob io.Reader) (string, error) {
	stream, closeStream, err := decompress(blob)
	if err != nil {
		return "", err
	}
	defer closeStream()
	hash := sha256.New()
	// A tar has a header of 512 bytes for each entry, and padding: that much more than its files at the most.
	bounded := &boundedReader{reader: stream, left: u.limits.Bytes - u.bytes + int64(u.limits.Files)*4096}
	tee := io.TeeReader(bounded, hash)
	archive := tar.NewReader(tee)
	made := map[string]bool{} // by this layer: its whiteouts concern the layers below only
	for {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("read layer: %w", err)
		}
		if u.count++; u.count > u.limits.Files {
			return "", fmt.Errorf("the image holds more than %d entries", u.limits.Files)
		}
		if err := u.entry(header, archive, made); err != nil {
			return "", fmt.Errorf("unpack %q: %w", header.Name, err)
		}
	}
	if _, err := io.Copy(io.Discard, tee); err != nil {
		return "", fmt.Errorf("read layer: %w", err)
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}

func decompress(blob io.Reader) (io.Reader, func(), error) {
	buffered := bufio.NewReaderSize(blob, 64<<10)
	magic, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("read layer: %w", err)
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		reader, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, nil, fmt.Errorf("read layer: %w", err)
		}
		return reader, func() { _ = reader.Close() }, nil
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		reader, err := zstd.NewReader(buffered, zstd.WithDecoderMaxMemory(256<<20))
		if err != nil {
			return nil, nil, fmt.Errorf("read layer: %w", err)
		}
		return reader, reader.Close, nil
	}
	return buffered, func() {}, nil
}

type boundedReader struct {
	reader io.Reader
	left   int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("the layer is larger unpacked than an image may be")
	}
	n, err := b.reader.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

func (u *unpacker) entry(header *tar.Header, content io.Reader, made map[string]bool) error {
	name := strings.TrimPrefix(header.Name, "/")
	if name == "" || header.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	if !filepath.IsLocal(name) {
		return errors.New("it leads out of the image")
	}
	name = path.Clean(name)
	if name == "." {
		return nil
	}
	parent, err := u.parent(name)
	if err != nil {
		return err
	}
	base := path.Base(name)
	name = path.Join(parent, base)
	if base == ".wh..wh..opq" {
		return u.clear(parent, made)
	}
	if hidden, ok := strings.CutPrefix(base, ".wh."); ok {
		return u.remove(path.Join(parent, hidden))
	}
	made[name] = true
	return u.make(name, header, content)
}

// parent makes the folder of an entry and returns where it really is, for a parent may be a symlink.
func (u *unpacker) parent(name string) (string, error) {
	folder := path.Dir(name)
	if err := u.root.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(filepath.Join(u.dir, folder))
	if err != nil {
		return "", err
	}
	relative, err := filepath.Rel(u.dir, real)
	if err != nil || !filepath.IsLocal(relative) {
		return "", errors.New("its folder leads out of the image")
	}
	return relative, nil
}

func (u *unpacker) make(name string, header *tar.Header, content io.Reader) error {
	mode := fs.FileMode(header.Mode).Perm() // set-user-id and the like mean nothing on a process box
	if header.Typeflag == tar.TypeDir {
		if info, err := u.root.Lstat(name); err == nil && !info.IsDir() {
			if err := u.remove(name); err != nil {
				return err
			}
		}
		// The box must be able to write and delete in it, whoever runs the box.
		return errors.Join(u.root.MkdirAll(name, 0o755), u.root.Chmod(name, mode|0o700))
	}
	if err := u.remove(name); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeReg:
		return u.file(name, mode, header.Size, content)
	case tar.TypeSymlink:
		return u.symlink(name, header.Linkname)
	case tar.TypeLink:
		target := path.Clean(strings.TrimPrefix(header.Linkname, "/"))
		if !filepath.IsLocal(target) {
			return errors.New("its hard link leads out of the image")
		}
		parent, err := u.parent(target)
		if err != nil {
			return err
		}
		target = path.Join(parent, path.Base(target))
		if err := u.root.Link(target, name); err != nil {
			return err
		}
		if digest, ok := u.files[target]; ok {
			u.files[name] = digest
		}
		return nil
	}
	return fmt.Errorf("entries of type %q (devices, pipes) cannot be made on a process box", header.Typeflag)
}

func (u *unpacker) file(name string, mode fs.FileMode, size int64, content io.Reader) error {
	if u.bytes += size; size < 0 || u.bytes > u.limits.Bytes {
		return fmt.Errorf("the image is larger than %d bytes", u.limits.Bytes)
	}
	file, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(file, hash), content)
	if err := errors.Join(err, file.Chmod(mode|0o400), file.Close()); err != nil {
		return err
	}
	u.files[name] = "sha256:" + hex.EncodeToString(hash.Sum(nil))
	return nil
}

// symlink makes absolute targets relative, so that they mean the image's root and not the machine's.
func (u *unpacker) symlink(name, target string) error {
	folder := path.Dir(name)
	if path.IsAbs(target) {
		relative, err := filepath.Rel("/"+folder, path.Clean(target))
		if err != nil {
			return err
		}
		target = relative
	}
	if !filepath.IsLocal(path.Join(folder, target)) && path.Join(folder, target) != "." {
		return fmt.Errorf("its symlink to %q leads out of the image", target)
	}
	return u.root.Symlink(target, name)
}

func (u *unpacker) remove(name string) error {
	if name == "." || name == "" {
		return errors.New("it would remove the root")
	}
	for file := range u.files {
		if file == name || strings.HasPrefix(file, name+"/") {
			delete(u.files, file)
		}
	}
	return u.root.RemoveAll(name)
}

// clear hides what the layers below put into a folder.
func (u *unpacker) clear(folder string, made map[string]bool) error {
	entries, err := fs.ReadDir(u.root.FS(), folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if name := path.Join(folder, entry.Name()); !made[name] {
			if err := u.remove(name); err != nil {
				return err
			}
		}
	}
	return nil
}
