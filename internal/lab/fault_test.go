package lab

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// front puts faults before a handler that answers everything with size bytes.
func front(t *testing.T, size int) (*faults, func(path string) (*http.Response, []byte, error)) {
	t.Helper()
	f := &faults{next: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100000")
		io.WriteString(w, strings.Repeat("x", size))
	})}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, func(path string) (*http.Response, []byte, error) {
		answer, err := server.Client().Get(server.URL + path)
		if err != nil {
			return nil, nil, err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		return answer, body, err
	}
}

const wholeBody = 100_000

func TestAFaultHitsWhatItSaysAsOftenAsItSays(t *testing.T) {
	f, get := front(t, wholeBody)
	f.add(Fault{Path: "/blobs/", Times: 2, Status: http.StatusTooManyRequests, RetryAfter: 3 * time.Second})
	for range 2 {
		answer, body, err := get("/v2/a/blobs/x")
		require.NoError(t, err)
		require.Equal(t, http.StatusTooManyRequests, answer.StatusCode)
		require.Equal(t, "3", answer.Header.Get("Retry-After"))
		require.JSONEq(t, `{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}`, string(body))
		answer, _, err = get("/v2/a/manifests/x")
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, answer.StatusCode)
	}
	answer, _, err := get("/v2/a/blobs/x")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode, "twice is over")
	require.Len(t, f.log(), 5)
	require.Equal(t, int64(wholeBody), f.log()[4].Bytes)
	require.Equal(t, "127.0.0.1", f.log()[4].From)
	f.forget()
	require.Empty(t, f.log())
}

func TestACutAnswerEndsWithAnErrorAfterItsBytes(t *testing.T) {
	f, get := front(t, wholeBody)
	f.add(Fault{CutAfter: 70_000})
	_, body, err := get("/v2/a/blobs/x")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Len(t, body, 70_000)
}

func TestDamageFlipsOneBitOfALayer(t *testing.T) {
	f, get := front(t, wholeBody)
	f.add(Fault{Damage: true})
	_, body, err := get("/v2/a/blobs/x")
	require.NoError(t, err)
	require.Equal(t, "y"+strings.Repeat("x", wholeBody-1), string(body))
	_, body, err = get("/v2/a/manifests/x")
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("x", wholeBody), string(body), "a manifest is no layer")
}

func TestAllAnswersTogetherGetTheRateThatAFaultSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faults{}
		fault := &activeFault{Fault: Fault{BytesPerSecond: 1000}, healed: make(chan struct{})}
		began, sent := time.Now(), 0
		for sent < 5000 {
			piece, err := f.throttle(t.Context(), fault, make([]byte, 5000-sent))
			require.NoError(t, err)
			sent += len(piece)
		}
		require.InDelta(t, 5.0, time.Since(began).Seconds(), 0.1)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := f.throttle(ctx, fault, make([]byte, 5000))
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestWithAPasswordOnlyItsOwnerGetsIn(t *testing.T) {
	f, get := front(t, wholeBody)
	f.user, f.password = "lab", "secret"
	answer, _, err := get("/v2/")
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, answer.StatusCode)
	require.Equal(t, `Basic realm="lab"`, answer.Header.Get("WWW-Authenticate"))
	req := httptest.NewRequest(http.MethodGet, "/v2/", nil)
	for password, allowed := range map[string]bool{"secret": true, "Secret": false, "": false} {
		req.SetBasicAuth("lab", password)
		require.Equal(t, allowed, f.allowed(req), password)
	}
}

func TestWhatIsWrongWithOptionsIsSaidInOneSentence(t *testing.T) {
	for want, o := range map[string]Options{
		"a lab has 1 to 200 boxes, not -1":                                       {Boxes: -1},
		"a lab has 1 to 200 boxes, not 201":                                      {Boxes: 201},
		`a lab's name has at most 40 letters, digits and hyphens, unlike "../x"`: {Name: "../x"},
		"a disk is wanted for box2, and there is no such box":                    {Boxes: 1, Disk: map[string]int64{"box2": 1 << 30}},
		"a disk of 5 bytes for box1 is too small for an engine to start":         {Boxes: 1, Disk: map[string]int64{"box1": 5}},
	} {
		require.EqualError(t, o.complete(), want)
	}
	var o Options
	require.NoError(t, o.complete())
	require.Equal(t, 1, o.Boxes)
	require.NotEmpty(t, o.Name)
}

func TestALabKnowsItsOwnDevicesFromOthers(t *testing.T) {
	s := number(7)
	for name, own := range map[string]bool{"ovl7b1": true, "ovl7b12": true, "ovl71b2": false, "ovl7": false, "ovl7bx": false, "eth0": false} {
		require.Equal(t, own, s.isPort(name), name)
	}
	require.LessOrEqual(t, len(number(mostLabs-1).port(MostBoxes)), 15, "the kernel's limit for names of devices")
}
