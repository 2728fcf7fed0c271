package registry

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// blobStore keeps blobs as files <dir>/<algorithm>/<hex>. The protocol's own disk store hashes the whole file
// at every request and answers "not found" for a damaged one; this one serves what it has, so that whoever
// pulls sees the digest mismatch, and hashes only what somebody touched since it was stored.
type blobStore struct{ dir string }

func newBlobStore(dir string) (*blobStore, error) {
	if err := os.MkdirAll(filepath.Join(dir, "sha256"), 0o755); err != nil {
		return nil, err
	}
	leftovers, err := filepath.Glob(filepath.Join(dir, "upload-*"))
	if err != nil {
		return nil, err
	}
	for _, path := range leftovers { // of uploads that a stop cut off
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	return &blobStore{dir}, nil
}

func (s *blobStore) path(h v1.Hash) string { return filepath.Join(s.dir, h.Algorithm, h.Hex) }

// untouched is the modification time that every stored blob gets: another one means that it was changed since.
func untouched() time.Time { return time.Unix(1, 0) }

// Stat is the size of a blob.
func (s *blobStore) Stat(_ context.Context, _ string, h v1.Hash) (int64, error) {
	info, err := os.Stat(s.path(h))
	if errors.Is(err, os.ErrNotExist) {
		return 0, registry.ErrNotFound
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Get opens a blob as it is.
func (s *blobStore) Get(_ context.Context, _ string, h v1.Hash) (io.ReadCloser, error) {
	file, err := os.Open(s.path(h))
	if errors.Is(err, os.ErrNotExist) {
		return nil, registry.ErrNotFound
	}
	return file, err
}

// sound says whether a blob is there and still what its digest says; who asks is about to skip an upload.
func (s *blobStore) sound(h v1.Hash) bool {
	info, err := os.Stat(s.path(h))
	if err != nil {
		return false
	}
	if info.ModTime().Equal(untouched()) {
		return true
	}
	file, err := os.Open(s.path(h))
	if err != nil {
		return false
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil || hex.EncodeToString(sum.Sum(nil)) != h.Hex {
		return false
	}
	return os.Chtimes(s.path(h), time.Time{}, untouched()) == nil
}

// Put stores a blob; the reader fails when it is not what its digest says.
func (s *blobStore) Put(_ context.Context, _ string, h v1.Hash, content io.ReadCloser) error {
	file, err := os.CreateTemp(s.dir, "upload-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) //nolint:errcheck // gone already when all went well
	_, err = io.Copy(file, content)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return s.adopt(file.Name(), h)
}

// adopt makes a file, whose digest was checked, a blob.
func (s *blobStore) adopt(file string, h v1.Hash) error {
	if err := os.Chtimes(file, time.Time{}, untouched()); err != nil {
		return err
	}
	return os.Rename(file, s.path(h))
}

// uploads takes the uploads of blobs to disk as they arrive, where the protocol's handler would hold each
// whole in memory, all behind one lock. An upload is POST (an ID), PATCH (the bytes), PUT (the digest).
// HEAD of a damaged blob says that it is not there, so that the next push repairs it.
type uploads struct {
	next  http.Handler
	blobs *blobStore
}

func (u *uploads) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	before, id, isUpload := strings.Cut(req.URL.Path, "/blobs/uploads/")
	switch {
	case isUpload && req.Method == http.MethodPost && !req.URL.Query().Has("digest"):
		u.begin(w, before)
	case isUpload && (req.Method == http.MethodPatch || req.Method == http.MethodPut) && isID(id):
		u.receive(w, req, before, id)
	case req.Method == http.MethodHead && u.damaged(req.URL.Path):
		w.WriteHeader(http.StatusNotFound)
	default:
		u.next.ServeHTTP(w, req)
	}
}

func (u *uploads) damaged(path string) bool {
	_, digest, ok := strings.Cut(path, "/blobs/")
	if !ok {
		return false
	}
	h, err := v1.NewHash(digest)
	return err == nil && !u.blobs.sound(h)
}

// idLength is that of crypto/rand.Text, 130 bits in base 32.
const idLength = 26

func isID(id string) bool {
	return len(id) == idLength && strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

func (u *uploads) file(id string) string { return filepath.Join(u.blobs.dir, "upload-"+id) }

func (u *uploads) begin(w http.ResponseWriter, repository string) {
	id := rand.Text()
	if err := os.WriteFile(u.file(id), nil, 0o644); err != nil {
		Refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	w.Header().Set("Location", repository+"/blobs/uploads/"+id)
	w.Header().Set("Range", "0-0")
	w.WriteHeader(http.StatusAccepted)
}

// receive appends a request's body to its upload; a PUT then checks the digest and makes it a blob.
func (u *uploads) receive(w http.ResponseWriter, req *http.Request, repository, id string) {
	file, err := os.OpenFile(u.file(id), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		Refuse(w, http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "there is no such upload")
		return
	}
	_, err = io.Copy(file, req.Body)
	if err := errors.Join(err, file.Close()); err != nil {
		Refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	if req.Method == http.MethodPut {
		u.finish(w, req, repository, id)
		return
	}
	info, err := os.Stat(u.file(id))
	if err != nil {
		Refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	w.Header().Set("Location", req.URL.Path)
	w.Header().Set("Range", fmt.Sprintf("0-%d", max(info.Size()-1, 0)))
	w.WriteHeader(http.StatusAccepted)
}

func (u *uploads) finish(w http.ResponseWriter, req *http.Request, repository, id string) {
	defer os.Remove(u.file(id)) //nolint:errcheck // gone already when all went well
	h, err := v1.NewHash(req.URL.Query().Get("digest"))
	if err != nil {
		Refuse(w, http.StatusBadRequest, "DIGEST_INVALID", "the digest is missing or no digest")
		return
	}
	file, err := os.Open(u.file(id))
	if err != nil {
		Refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		Refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != h.Hex {
		Refuse(w, http.StatusBadRequest, "DIGEST_INVALID", "the upload's digest is sha256:"+got+", not "+h.String())
		return
	}
	if err := u.blobs.adopt(u.file(id), h); err != nil {
		Refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	w.Header().Set("Location", repository+"/blobs/"+h.String())
	w.Header().Set("Docker-Content-Digest", h.String())
	w.WriteHeader(http.StatusCreated)
}
