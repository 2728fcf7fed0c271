package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/types"
)

// keepUntagged is how many images of each repository stay after their tag has moved on, newest first: what
// still runs, and a way back. Every build of ours pushes some 200 MB under the same tags.
const keepUntagged = 3

// kept is a stored manifest with its place.
type kept struct {
	storedManifest
	repository, reference, path string
	stored                      time.Time
	// names are the digests that it needs: blobs, and for an index the manifests.
	names []string
	used  bool
}

func (k *kept) depth() int {
	if types.MediaType(k.ContentType).IsIndex() {
		return 1
	}
	return 0
}

func (k *kept) digest() string {
	sum := sha256.Sum256(k.Content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (k *kept) tagged() bool { return !strings.HasPrefix(k.reference, "sha256:") }

// sweep reads every manifest and removes what nothing leads to any more: untagged images but the newest, and
// blobs that no manifest names. It may run only while nobody can push.
func (s *manifestStore) sweep(blobs *blobStore) ([]*kept, error) {
	all, err := s.readAll()
	if err != nil {
		return nil, err
	}
	mark(all)
	blobsUsed := map[string]bool{}
	var stay []*kept
	for _, one := range all {
		if !one.used {
			if err := os.Remove(one.path); err != nil {
				return nil, err
			}
			continue
		}
		stay = append(stay, one)
		for _, digest := range one.names {
			blobsUsed[digest] = true
		}
	}
	files, err := os.ReadDir(filepath.Join(blobs.dir, "sha256"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if !blobsUsed["sha256:"+file.Name()] {
			if err := os.Remove(filepath.Join(blobs.dir, "sha256", file.Name())); err != nil {
				return nil, err
			}
		}
	}
	return stay, nil
}

// mark sets used on tagged manifests, on the newest untagged ones of each repository, and on what they name.
func mark(all []*kept) {
	byDigest := map[string]*kept{} // repository@digest
	child := map[string]bool{}
	for _, one := range all {
		if !one.tagged() {
			byDigest[one.repository+"@"+one.reference] = one
		}
		for _, digest := range one.names {
			child[one.repository+"@"+digest] = true
		}
	}
	newest := slices.Clone(all)
	slices.SortStableFunc(newest, func(a, b *kept) int { return b.stored.Compare(a.stored) })
	untagged := map[string]int{}
	var use func(*kept)
	use = func(one *kept) {
		if one == nil || one.used {
			return
		}
		one.used = true
		for _, digest := range one.names {
			use(byDigest[one.repository+"@"+digest])
		}
	}
	for _, one := range newest {
		if one.tagged() {
			use(one)
			use(byDigest[one.repository+"@"+one.digest()])
		}
	}
	for _, one := range newest {
		if !one.used && !child[one.repository+"@"+one.reference] && untagged[one.repository] < keepUntagged {
			untagged[one.repository]++
			use(one)
		}
	}
}

// readAll reads every stored manifest.
func (s *manifestStore) readAll() ([]*kept, error) {
	var all []*kept
	err := filepath.WalkDir(s.dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == s.dir {
			return fs.SkipAll // nothing was pushed yet
		}
		if err != nil || entry.IsDir() {
			return err
		}
		if strings.HasPrefix(entry.Name(), ".new-") { // a write that a stop cut off
			return os.Remove(path)
		}
		one, err := s.read(path)
		if err != nil {
			return fmt.Errorf("%s is damaged (%w); remove it and push its image again", path, err)
		}
		all = append(all, one)
		return nil
	})
	return all, err
}

func (s *manifestStore) read(path string) (*kept, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	one := &kept{path: path, stored: info.ModTime(), reference: filepath.Base(path)}
	if err := json.Unmarshal(text, &one.storedManifest); err != nil {
		return nil, err
	}
	type named struct {
		Digest string `json:"digest"`
	}
	var content struct {
		Config            named
		Layers, Manifests []named
	}
	if err := json.Unmarshal(one.Content, &content); err != nil {
		return nil, err
	}
	for _, n := range slices.Concat([]named{content.Config}, content.Layers, content.Manifests) {
		one.names = append(one.names, n.Digest)
	}
	repository, err := filepath.Rel(s.dir, filepath.Dir(filepath.Dir(path)))
	one.repository = filepath.ToSlash(repository)
	return one, err
}
