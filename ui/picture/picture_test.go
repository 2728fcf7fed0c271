package picture

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// Headers of WebP pictures: 16 × 16 lossy, 1 × 1 lossless, 400 × 301 extended.
const (
	lossy    = "UklGRjIAAABXRUJQVlA4ICYAAACQAQCdASoQABAAAAAAJaQAA3AA/uuuAAA="
	lossless = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="
	extended = "UklGRhYAAABXRUJQVlA4WAoAAAAQAAAAjwEALAEA"
)

func decode(t *testing.T, text string) []byte {
	t.Helper()
	body, err := base64.StdEncoding.DecodeString(text)
	require.NoError(t, err)
	return body
}

func draw(t *testing.T, width, height int) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.White})))
	return out.Bytes()
}

func TestReadSaysWhatAPictureIsByItsContent(t *testing.T) {
	var jpg bytes.Buffer
	require.NoError(t, jpeg.Encode(&jpg, image.NewGray(image.Rect(0, 0, 30, 20)), nil))
	for name, c := range map[string]struct {
		body []byte
		want string
	}{
		"PNG": {draw(t, 30, 20), "image/png"}, "PNG as large as may be": {draw(t, MostSide, 1), "image/png"}, "JPEG": {jpg.Bytes(), "image/jpeg"},
		"lossy WebP": {decode(t, lossy), "image/webp"}, "lossless WebP": {decode(t, lossless), "image/webp"}, "extended WebP": {decode(t, extended), "image/webp"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Read(c.body)
			require.NoError(t, err)
			require.Equal(t, c.want, got.Type)
			require.Len(t, got.Tag, 16)
		})
	}
}

func TestReadKnowsTheSizeOfAWebP(t *testing.T) {
	for text, want := range map[string][2]int{lossy: {16, 16}, lossless: {1, 1}, extended: {400, 301}} {
		width, height, err := webp(decode(t, text))
		require.NoError(t, err)
		require.Equal(t, want, [2]int{width, height})
	}
}

func TestReadRefusesWithOneSentence(t *testing.T) {
	large := decode(t, extended)
	large[26] = 0xff // far wider than may be
	for name, c := range map[string]struct {
		body []byte
		want string
	}{
		"nothing":                        {nil, "the picture is empty"},
		"a text":                         {[]byte("hello"), "this is no PNG, JPEG or WebP picture"},
		"a GIF":                          {[]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00"), "this is no PNG, JPEG or WebP picture"},
		"an SVG":                         {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), "SVG is refused because it can carry script; give a PNG, JPEG or WebP"},
		"an SVG behind a prologue":       {[]byte("\xef\xbb\xbf <?xml version=\"1.0\"?><!-- --><SVG/>"), "SVG is refused because it can carry script; give a PNG, JPEG or WebP"},
		"too many bytes":                 {make([]byte, MostBytes+1), "the most is 5 MB"},
		"too wide":                       {draw(t, MostSide+1, 1), "the picture has 8001 × 1 pixels; each side may have 1 to 8000"},
		"a WebP that is too wide":        {large, "each side may have 1 to 8000"},
		"a PNG that ends in its header":  {draw(t, 30, 20)[:20], "the picture is damaged"},
		"a WebP that ends in its header": {decode(t, lossy)[:16], "the picture is damaged"},
		"a WebP without a start code":    {append([]byte("RIFF\x20\x00\x00\x00WEBPVP8 "), make([]byte, 30)...), "the picture is damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(c.body)
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.Contains(t, err.Error(), c.want)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestAFolderKeepsOnePictureForEachRoom(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pictures")
	folder := In(path)
	_, err := folder.Get("a/../b")
	require.ErrorIs(t, err, fault.ErrNotFound)
	first, second := read(t, 3), read(t, 4)
	require.NoError(t, folder.Put("a/../b", first))
	require.NoError(t, folder.Put("c", first))
	require.NoError(t, folder.Put("a/../b", second))
	got, err := In(path).Get("a/../b")
	require.NoError(t, err)
	require.Equal(t, second, got, "another process finds the newest")
	require.NoError(t, folder.Remove("a/../b"))
	require.ErrorIs(t, folder.Remove("a/../b"), fault.ErrNotFound)
	left, err := os.ReadDir(path)
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing temporary stays, and nothing outside the folder was touched")
}

func read(t *testing.T, width int) Picture {
	t.Helper()
	p, err := Read(draw(t, width, 2))
	require.NoError(t, err)
	return p
}

func TestOfTwoWritersOnePictureStaysWhole(t *testing.T) {
	folder := In(t.TempDir())
	pictures := []Picture{read(t, 10), read(t, 2000), read(t, 31)}
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() { assert.NoError(t, folder.Put("r", pictures[i%len(pictures)])) })
		wg.Go(func() {
			if got, err := folder.Get("r"); err == nil {
				assert.Contains(t, pictures, got)
			}
		})
	}
	wg.Wait()
	got, err := folder.Get("r")
	require.NoError(t, err)
	require.Contains(t, pictures, got)
}

func TestAFolderWithoutAPathKeepsNothing(t *testing.T) {
	err := In("").Put("r", Picture{})
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.Contains(t, err.Error(), "UI_DATA")
	_, err = In("").Get("r")
	require.ErrorIs(t, err, fault.ErrNotFound)
	require.ErrorIs(t, In("").Remove("r"), fault.ErrNotFound)
}

func TestAFileThatIsNoPictureIsNotServed(t *testing.T) {
	path := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(path, "room-r.picture"), []byte(strings.Repeat("x", 100)), 0o600))
	_, err := In(path).Get("r")
	require.ErrorIs(t, err, fault.ErrInvalid)
}
