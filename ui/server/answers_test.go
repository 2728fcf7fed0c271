package server

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/ui/state"
)

func TestAListComesInPages(t *testing.T) {
	items := make([]string, 120)
	for i := range items {
		items[i] = fmt.Sprintf("item-%03d", i)
	}
	ask := func(query string) (Page[string], error) {
		c := echo.New().NewContext(httptest.NewRequestWithContext(t.Context(), "GET", "/?"+query, nil), httptest.NewRecorder())
		return paged(c, items, func(one string) string { return one })
	}
	var got []string
	for after := ""; ; {
		page, err := ask("limit=50&after=" + after)
		require.NoError(t, err)
		got = append(got, page.Items...)
		if after = page.Next; after == "" {
			break
		}
	}
	require.Equal(t, items, got)
	page, err := ask("")
	require.NoError(t, err)
	require.Len(t, page.Items, pageUsual)
	for query, says := range map[string]string{
		"limit=0": "from 1 to 500", "limit=501": "from 1 to 500", "limit=ten": `limit "ten"`, "after=gone": "begin anew",
	} {
		_, err := ask(query)
		require.ErrorContains(t, err, says, query)
	}
}

func TestDecisionsAreTheNewestFirstInPages(t *testing.T) {
	s, _ := newServer(t)
	for i := range 260 {
		// Two by two they say the same with other numbers.
		action := []string{"hold", "raise", "lower"}[i/2%3]
		s.Store.Decision(wire.Decision{Room: "server-room", TimeMillis: int64(1000 + i), Action: action, Reason: fmt.Sprintf("%s at 24.%d °C", action, i%10), Fresh: 1, Inlet: 24})
	}
	s.Store.Decision(wire.Decision{Room: "server-room", TimeMillis: 1200, Action: "hold", Reason: "late"})
	var got []state.LoggedDecision
	for next := ""; ; {
		w := request(t, s, "GET", "/api/v1/rooms/server-room/decisions?limit=40&after="+next, "")
		require.Equal(t, http.StatusOK, w.Code)
		var page Page[state.LoggedDecision]
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &page))
		got = append(got, page.Items...)
		if next = page.Next; next == "" {
			break
		}
	}
	require.Len(t, got, 130)
	require.Equal(t, int64(1259), got[0].UntilMillis)
	require.Equal(t, int64(1258), got[0].TimeMillis)
	require.Equal(t, got[0].Action+" at 24.9 °C", got[0].Reason, "the newest words")
	require.Equal(t, int64(1000), got[129].TimeMillis)
	require.Equal(t, http.StatusUnprocessableEntity, request(t, s, "GET", "/api/v1/rooms/server-room/decisions?after=yesterday", "").Code)
	require.Equal(t, http.StatusNotFound, request(t, s, "GET", "/api/v1/rooms/attic/decisions", "").Code)
}

func TestWhatTheAskerHasIsNotSentAgain(t *testing.T) {
	s, _ := newServer(t)
	fill(s)
	for _, path := range []string{"/api/v1/state", "/api/v1/rooms/server-room/decisions", "/assets/app.js", "/"} {
		for _, encoding := range []string{"gzip", "identity"} {
			first := request(t, s, "GET", path, "", "Accept-Encoding", encoding)
			require.Equal(t, http.StatusOK, first.Code, path)
			tag := first.Header().Get("ETag")
			require.NotEmpty(t, tag, path)
			for _, has := range []string{tag, `"other", ` + tag, "*"} {
				again := request(t, s, "GET", path, "", "Accept-Encoding", encoding, "If-None-Match", has)
				require.Equal(t, http.StatusNotModified, again.Code, "%s %s", path, has)
				require.Zero(t, again.Body.Len())
			}
			require.Equal(t, http.StatusOK, request(t, s, "GET", path, "", "If-None-Match", `"other"`).Code)
		}
	}
	before := request(t, s, "GET", "/api/v1/state", "").Header().Get("ETag")
	s.Store.Reading(wire.Reading{Room: "server-room", Sensor: 1, At: time.Now().Add(time.Second), Celsius: 26})
	require.Equal(t, http.StatusOK, request(t, s, "GET", "/api/v1/state", "", "If-None-Match", before).Code)
}

func TestJSONIsCompressedForThoseWhoReadIt(t *testing.T) {
	s, _ := newServer(t)
	fill(s)
	packed := exchange(s, httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/openapi.json", nil), "gzip")
	require.Equal(t, "gzip", packed.Header().Get("Content-Encoding"))
	require.Equal(t, "Accept-Encoding", packed.Header().Get("Vary"))
	unpacked, err := gzip.NewReader(packed.Body)
	require.NoError(t, err)
	text, err := io.ReadAll(unpacked)
	require.NoError(t, err)
	require.Equal(t, string(document), string(text))
	for _, accepts := range []string{"", "br", "gzip;q=0", "identity"} {
		plain := exchange(s, httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/openapi.json", nil), accepts)
		require.Empty(t, plain.Header().Get("Content-Encoding"), accepts)
		require.Equal(t, len(document), plain.Body.Len())
	}
	problem := exchange(s, httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/nothing", nil), "gzip")
	require.Equal(t, http.StatusNotFound, problem.Code)
	require.Contains(t, problem.Body.String(), "there is nothing at /api/v1/nothing", "what is small goes as it is")
}

func exchange(s *Server, r *http.Request, accepts string) *httptest.ResponseRecorder {
	r.Header.Set("Accept-Encoding", accepts)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func TestErrorsAreProblemsWithOneSentence(t *testing.T) {
	s, _ := newServer(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "/nowhere", "", 404, "there is nothing at /nowhere"},
		{"GET", "/assets/nothing.js", "", 404, "there is nothing at /assets/nothing.js"},
		{"GET", "/assets/../server.go", "", 404, "there is nothing at"},
		{"DELETE", "/api/v1/state", "", 405, "DELETE cannot be asked at /api/v1/state; possible: GET"},
		{"POST", "/api/v1/rooms/server-room/overrides", strings.Repeat("x", 70_000), 413, "larger than is taken here"},
		{"GET", "/api/v1/rooms/server-room/decisions?limit=-1", "", 422, "no whole number from 1 to 500"},
	} {
		w := request(t, s, c.method, c.path, c.body)
		require.Equal(t, c.status, w.Code, c.path)
		var p Problem
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
		require.Contains(t, p.Detail, c.says)
		require.Equal(t, Problem{"about:blank", http.StatusText(c.status), c.status, p.Detail}, p)
		require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	}
}

// TestTheFirstLoadIsSmall loads the overview as a browser does, and comes back.
func TestTheFirstLoadIsSmall(t *testing.T) {
	s, _ := newServer(t)
	get := func(path string) *httptest.ResponseRecorder {
		return exchange(s, httptest.NewRequestWithContext(t.Context(), "GET", path, nil), "gzip")
	}
	shell := get("/")
	require.Equal(t, "no-cache", shell.Header().Get("Cache-Control"))
	bytesOnTheWire := shell.Body.Len()
	unpacked, err := gzip.NewReader(bytes.NewReader(shell.Body.Bytes()))
	require.NoError(t, err)
	page, err := io.ReadAll(unpacked)
	require.NoError(t, err)
	loaded := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`).FindAllSubmatch(page, -1) {
		path := string(match[1])
		if loaded[path] {
			continue
		}
		loaded[path] = true
		file := get(path)
		require.Equal(t, http.StatusOK, file.Code, path)
		require.Equal(t, keepEver, file.Header().Get("Cache-Control"), "a reload asks for none of them")
		bytesOnTheWire += file.Body.Len()
	}
	require.Greater(t, len(loaded), 20)
	require.Less(t, bytesOnTheWire, 250_000)
	t.Logf("%d files, %d bytes", len(loaded), bytesOnTheWire)

	// All that these modules import was named ahead.
	folder, err := fs.Sub(assets, "assets")
	require.NoError(t, err)
	files, err := newFiles(folder)
	require.NoError(t, err)
	for path := range loaded {
		if !strings.HasSuffix(path, ".js") {
			continue
		}
		name, is := strings.CutPrefix(path, "/assets/~"+files.sum+"/")
		require.True(t, is, path)
		for _, needed := range files.modules(name) {
			require.True(t, loaded["/assets/~"+files.sum+"/"+needed], "%s needs %s", name, needed)
		}
	}
	styles, err := fs.ReadFile(folder, "css/base.css")
	require.NoError(t, err)
	all, err := fs.Glob(folder, "css/*.css")
	require.NoError(t, err)
	require.Contains(t, string(files.known[allStyles].plain), string(styles))
	for _, name := range all {
		require.Contains(t, string(files.known[allStyles].plain), string(files.known[name].plain), "the page does not link %s", name)
	}
	old := get("/assets/~000000000000/app.js")
	require.Equal(t, http.StatusOK, old.Code, "a page of an earlier version goes on")
	require.Equal(t, keepAsking, old.Header().Get("Cache-Control"))
}
