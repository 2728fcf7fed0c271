package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

// progressEvery is the least time between two progress messages of one layer.
const progressEvery = 100 * time.Millisecond

// fetchLayer downloads one layer into a file and checks its digest.
func fetchLayer(ctx context.Context, layer v1.Layer, to blob, limit int64, emit func(Message)) error {
	size, err := layer.Size()
	if err != nil {
		return fmt.Errorf("layer %s: %w", to.digest, err)
	}
	if size < 0 || size > limit {
		return status.Failed("layer %s: its %d bytes are more than the limit of %d", to.digest, size, limit)
	}
	if to.digest.Algorithm != "sha256" {
		return status.Failed("layer %s: only sha256 digests are supported", to.digest)
	}
	reader, err := layer.Compressed()
	if err != nil {
		return fmt.Errorf("layer %s: %w", to.digest, err)
	}
	defer reader.Close()
	file, err := os.OpenFile(to.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("layer %s: %w", to.digest, err)
	}
	counter := &counter{ctx: ctx, file: file, hash: sha256.New(), total: size, id: short(to.digest), emit: emit}
	// One byte more than promised is enough to tell.
	_, err = io.Copy(counter, io.LimitReader(reader, size+1))
	closeErr := file.Close()
	got := "sha256:" + hex.EncodeToString(counter.hash.Sum(nil))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case counter.fault != nil || closeErr != nil:
		return fmt.Errorf("layer %s: write it: %w", to.digest, errors.Join(counter.fault, closeErr))
	case counter.current == size && got != to.digest.String():
		return status.Failed("filesystem layer verification failed for digest %s: what the registry sent has digest %s", to.digest, got)
	case counter.current > size:
		return status.Failed("filesystem layer verification failed for digest %s: the registry sent more than its %d bytes", to.digest, size)
	case err != nil:
		return fmt.Errorf("layer %s: after %d of %d bytes: %w", to.digest, counter.current, size, err)
	case counter.current < size:
		return status.Failed("filesystem layer verification failed for digest %s: the registry sent %d of its %d bytes", to.digest, counter.current, size)
	}
	emit(Message{Status: "Verifying Checksum", ID: short(to.digest), Progress: &Progress{}})
	emit(Message{Status: "Download complete", ID: short(to.digest), Progress: &Progress{}})
	return nil
}

// counter writes, hashes and tells how far it is.
type counter struct {
	ctx     context.Context
	file    *os.File
	hash    hash.Hash
	current int64
	total   int64
	id      string
	emit    func(Message)
	told    time.Time
	fault   error // of the file, as opposed to the network
}

// Write takes a piece of the download.
func (c *counter) Write(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.file.Write(p)
	c.hash.Write(p[:n])
	c.current += int64(n)
	c.fault = err
	if now := time.Now(); now.Sub(c.told) >= progressEvery || c.current == c.total {
		c.told = now
		c.emit(Message{Status: "Downloading", ID: c.id, Progress: &Progress{Current: c.current, Total: c.total}})
	}
	return n, err
}
