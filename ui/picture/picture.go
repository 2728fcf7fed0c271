// Package picture keeps the plan pictures of rooms: it says what a picture is, refuses what is none, and stores one for
// each room. It knows nothing of HTTP.
package picture

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // its header says how large it is
	_ "image/png"  // likewise
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/overcloud/overcloud/internal/fault"
)

// MostBytes is how large a picture may be, bytes. MostSide is how wide and how high, px: a browser holds four bytes for
// each pixel, and a wall screen has no use for more.
const (
	MostBytes = 5 << 20
	MostSide  = 8000
)

// Picture is one plan.
type Picture struct {
	Body []byte
	Type string // image/png, image/jpeg or image/webp, by its content
	Tag  string // names this very content: 16 hexadecimal digits
}

// Read says what a picture is, by its content and not by what it is called. Errors: ErrInvalid, with a sentence.
func Read(body []byte) (Picture, error) {
	if len(body) == 0 {
		return Picture{}, fmt.Errorf("%w: the picture is empty", fault.ErrInvalid)
	}
	if len(body) > MostBytes {
		return Picture{}, fmt.Errorf("%w: the picture has %.1f MB; the most is %d MB", fault.ErrInvalid, float64(len(body))/(1<<20), MostBytes>>20)
	}
	kind, width, height, err := look(body)
	if err != nil {
		return Picture{}, err
	}
	if width < 1 || height < 1 || width > MostSide || height > MostSide {
		return Picture{}, fmt.Errorf("%w: the picture has %d × %d pixels; each side may have 1 to %d", fault.ErrInvalid, width, height, MostSide)
	}
	sum := sha256.Sum256(body)
	return Picture{Body: body, Type: kind, Tag: hex.EncodeToString(sum[:8])}, nil
}

// look reads the header only: the pixels are the browser's to decode.
func look(body []byte) (kind string, width, height int, err error) {
	if isSVG(body) {
		return "", 0, 0, fmt.Errorf("%w: SVG is refused because it can carry script; give a PNG, JPEG or WebP", fault.ErrInvalid)
	}
	if isWebP(body) {
		width, height, err = webp(body)
		return "image/webp", width, height, err
	}
	header, format, err := image.DecodeConfig(bytes.NewReader(body))
	if errors.Is(err, image.ErrFormat) || (err == nil && format != "png" && format != "jpeg") {
		return "", 0, 0, fmt.Errorf("%w: this is no PNG, JPEG or WebP picture", fault.ErrInvalid)
	}
	if err != nil {
		return "", 0, 0, fmt.Errorf("%w: the picture is damaged: %w", fault.ErrInvalid, err)
	}
	return "image/" + format, header.Width, header.Height, nil
}

// isSVG finds a picture that is a document, whatever stands before its element.
func isSVG(body []byte) bool {
	head := bytes.TrimSpace(bytes.TrimPrefix(body[:min(len(body), 4096)], []byte("\xef\xbb\xbf")))
	return bytes.HasPrefix(head, []byte("<")) && bytes.Contains(bytes.ToLower(head), []byte("<svg"))
}

// Folder keeps one picture for each room, as a file. Its methods may be called from any goroutine; of two that keep a
// picture for one room at once, the later one's stays, whole.
type Folder struct {
	path string
	mu   sync.Mutex
}

// In is the folder at a path, which is made when the first picture comes. An empty path keeps nothing.
func In(path string) *Folder { return &Folder{path: path} }

// Get reads a room's picture. Errors: ErrNotFound; ErrInvalid when the file is no picture any more.
func (f *Folder) Get(room string) (Picture, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.get(room)
}

func (f *Folder) get(room string) (Picture, error) {
	if f.path == "" {
		return Picture{}, absent(room)
	}
	body, err := os.ReadFile(f.file(room))
	if errors.Is(err, fs.ErrNotExist) {
		return Picture{}, absent(room)
	}
	if err != nil {
		return Picture{}, fmt.Errorf("read the picture of %s: %w", room, err)
	}
	return Read(body)
}

func absent(room string) error {
	return fmt.Errorf("%w: room %q has no plan picture", fault.ErrNotFound, room)
}

// Put keeps a picture for a room in place of the one before, which stays whole until then. Errors: ErrInvalid when the
// folder keeps nothing.
func (f *Folder) Put(room string, picture Picture) error {
	if f.path == "" {
		return fmt.Errorf("%w: this Control Room has no folder to keep a picture in; set UI_DATA", fault.ErrInvalid)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.write(f.file(room), picture.Body); err != nil {
		return fmt.Errorf("keep the picture of %s: %w", room, err)
	}
	return nil
}

// write puts a file in place whole: a crash leaves the old one or the new one.
func (f *Folder) write(name string, body []byte) error {
	if err := os.MkdirAll(f.path, 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(f.path, ".new-*")
	if err != nil {
		return err
	}
	_, err = temporary.Write(body)
	if err == nil {
		err = temporary.Sync()
	}
	err = errors.Join(err, temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return f.sync()
}

// sync makes the folder's own entries last.
func (f *Folder) sync() error {
	folder, err := os.Open(f.path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Remove forgets a room's picture. Errors: ErrNotFound.
func (f *Folder) Remove(room string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.path == "" {
		return absent(room)
	}
	err := os.Remove(f.file(room))
	if errors.Is(err, fs.ErrNotExist) {
		return absent(room)
	}
	if err != nil {
		return fmt.Errorf("remove the picture of %s: %w", room, err)
	}
	return f.sync()
}

// file is where a room's picture is. A name is escaped: it may hold what means something to a file system.
func (f *Folder) file(room string) string {
	return filepath.Join(f.path, "room-"+url.PathEscape(room)+".picture")
}
