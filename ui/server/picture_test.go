package server

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/ui/picture"
	"github.com/overcloud/overcloud/ui/state"
)

const planPath = "/api/v1/rooms/server-room/picture"

func withPictures(t *testing.T, data string) *Server {
	t.Helper()
	return New(Options{
		Service: "smart-energy", Store: state.NewStore([]spec.Room{{Name: "server-room", Policy: spec.DefaultPolicy()}}),
		Operator: &operator{}, Graphs: graphs{}, Data: data, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
}

func drawing(t *testing.T, width int) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, image.NewPaletted(image.Rect(0, 0, width, 2), color.Palette{color.White})))
	return out.String()
}

func tagOf(s *Server) string { return s.Store.Snapshot(time.Now()).Rooms[0].Picture }

func TestAPlanPictureIsKeptShownAndRemoved(t *testing.T) {
	data := t.TempDir()
	s := withPictures(t, data)
	require.Equal(t, http.StatusNotFound, request(t, s, http.MethodGet, planPath, "").Code)
	require.Empty(t, tagOf(s), "the page asks for no picture that is not there")

	put := request(t, s, http.MethodPut, planPath, drawing(t, 30), "Content-Type", "image/svg+xml")
	require.Equal(t, http.StatusNoContent, put.Code, "the content counts, not what it is called: %s", put.Body)
	tag := put.Header().Get("ETag")
	require.Equal(t, tag, `"`+tagOf(s)+`"`)

	got := request(t, s, http.MethodGet, planPath, "")
	require.Equal(t, http.StatusOK, got.Code)
	require.Equal(t, drawing(t, 30), got.Body.String())
	require.Equal(t, "image/png", got.Header().Get("Content-Type"))
	require.Equal(t, tag, got.Header().Get("ETag"))
	require.Equal(t, "nosniff", got.Header().Get("X-Content-Type-Options"))
	require.Equal(t, []string{"default-src 'none'; sandbox"}, got.Header().Values("Content-Security-Policy"))
	require.Equal(t, http.StatusNotModified, request(t, s, http.MethodGet, planPath, "", "If-None-Match", `"other", W/`+tag).Code)

	again := withPictures(t, data)
	require.Equal(t, tag, `"`+tagOf(again)+`"`, "a restart knows it")

	require.Equal(t, http.StatusNoContent, request(t, s, http.MethodDelete, planPath, "").Code)
	require.Empty(t, tagOf(s))
	require.Equal(t, http.StatusNotFound, request(t, s, http.MethodGet, planPath, "").Code)
	require.Equal(t, http.StatusNotFound, request(t, s, http.MethodDelete, planPath, "").Code)
}

func TestARefusedPictureChangesNothing(t *testing.T) {
	s := withPictures(t, t.TempDir())
	require.Equal(t, http.StatusNoContent, request(t, s, http.MethodPut, planPath, drawing(t, 30)).Code)
	before := tagOf(s)
	for name, c := range map[string]struct {
		body, want string
		code       int
	}{
		"SVG":       {`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`, "SVG is refused because it can carry script", http.StatusUnprocessableEntity},
		"a page":    {"<html><body>no picture</body></html>", "this is no PNG, JPEG or WebP picture", http.StatusUnprocessableEntity},
		"too wide":  {drawing(t, picture.MostSide+1), "each side may have 1 to 8000", http.StatusUnprocessableEntity},
		"too large": {drawing(t, 30) + strings.Repeat("x", picture.MostBytes), "a picture may have at most 5 MB", http.StatusRequestEntityTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			answer := request(t, s, http.MethodPut, planPath, c.body, "Content-Type", "image/png")
			require.Equal(t, c.code, answer.Code)
			require.Contains(t, answer.Header().Get("Content-Type"), "application/problem+json")
			require.Contains(t, answer.Body.String(), c.want)
			require.Equal(t, before, tagOf(s))
			require.Equal(t, drawing(t, 30), request(t, s, http.MethodGet, planPath, "").Body.String())
		})
	}
	require.Equal(t, http.StatusNotFound, request(t, s, http.MethodPut, "/api/v1/rooms/attic/picture", drawing(t, 30)).Code)
}

func TestAPictureOfUnknownLengthIsBoundedToo(t *testing.T) {
	s := withPictures(t, t.TempDir())
	web := httptest.NewServer(s.Handler())
	defer web.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, web.URL+planPath, strings.NewReader(drawing(t, 30)+strings.Repeat("x", picture.MostBytes)))
	require.NoError(t, err)
	r.ContentLength = -1 // sent in pieces: nobody says how much is to come
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusRequestEntityTooLarge, answer.StatusCode)
	require.Empty(t, tagOf(s))
}
