//go:build integration

package lab_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/labtest"
)

// world is one box with a way to make images that it lacks.
type world struct {
	*testing.T
	lab *lab.Lab
	api *client.Client
}

func (w world) image(size int64) lab.Image {
	w.Helper()
	return labtest.Image(w.T, w.lab, lab.TestImage{Name: "app", Bytes: size, Layers: 2})
}

func (w world) pull(ref string) error { return pull(w.T, w.api, ref, image.PullOptions{}) }

func TestRegistriesMisbehaveAsTold(t *testing.T) {
	l := labtest.New(t, lab.Options{Boxes: 1})
	api := labtest.Client(t, l.Boxes()[0])
	for name, test := range map[string]func(world){
		"down and back":         downAndBack,
		"wrong password":        wrongPassword,
		"rate limited":          rateLimited,
		"damaged layer":         damaged,
		"throttled":             throttled,
		"stalled, then healed":  stalled,
		"plain":                 plain,
		"mirror seeded once":    mirrored,
		"other box's requests":  fromElsewhere,
		"mirror of a down host": mirrorAlone,
	} {
		t.Run(name, func(t *testing.T) {
			defer l.Registry().Heal()
			test(world{t, l, api})
		})
	}
}

func downAndBack(w world) {
	ref := w.lab.Registry().Ref(w.image(0))
	w.lab.Registry().Stop()
	require.ErrorContains(w, w.pull(ref), "connection refused")
	require.NoError(w, w.lab.Registry().Start(w.Context()))
	require.NoError(w, w.pull(ref))
}

func wrongPassword(w world) {
	locked := w.lab.LockedRegistry()
	ref := locked.Ref(w.image(0))
	require.ErrorContains(w, w.pull(ref), "no basic auth credentials")
	auth := func(password string) image.PullOptions {
		text := fmt.Sprintf(`{"username":"lab","password":%q}`, password)
		return image.PullOptions{RegistryAuth: base64.URLEncoding.EncodeToString([]byte(text))}
	}
	require.ErrorContains(w, pull(w.T, w.api, ref, auth("guess")), "unauthorized")
	require.Equal(w, "lab:secret", locked.Credentials())
	require.NoError(w, pull(w.T, w.api, ref, auth("secret")))
}

func rateLimited(w world) {
	ref := w.lab.Registry().Ref(w.image(0))
	w.lab.Registry().Fault(lab.Fault{Path: "/manifests/", Status: http.StatusTooManyRequests, RetryAfter: 3 * time.Second})
	require.ErrorContains(w, w.pull(ref), "toomanyrequests")
	w.lab.Registry().Heal()
	require.NoError(w, w.pull(ref))
}

func damaged(w world) {
	ref := w.lab.Registry().Ref(w.image(1 << 20))
	w.lab.Registry().Fault(lab.Fault{Path: "/blobs/", Damage: true})
	require.ErrorContains(w, w.pull(ref), "filesystem layer verification failed")
	w.lab.Registry().Heal()
	require.NoError(w, w.pull(ref))
}

func throttled(w world) {
	ref := w.lab.Registry().Ref(w.image(4 << 20))
	w.lab.Registry().Fault(lab.Fault{Path: "/blobs/", BytesPerSecond: 4 << 20})
	began := time.Now()
	require.NoError(w, w.pull(ref))
	require.Greater(w, time.Since(began), time.Second, "more than 4 MB in two layers share 4 MB/s")
}

func stalled(w world) {
	ref := w.lab.Registry().Ref(w.image(4 << 20))
	w.lab.Registry().Forget()
	w.lab.Registry().Fault(lab.Fault{Path: "/blobs/", StallAfter: 100_000})
	result := make(chan error, 1)
	go func() { result <- w.pull(ref) }()
	var stuck []lab.Request
	eventually(w.T, "layers stand still", func() bool {
		stuck = nil
		for _, one := range w.lab.Registry().Requests() {
			if one.Bytes == 100_000 && one.Ended.IsZero() {
				stuck = append(stuck, one)
			}
		}
		return len(stuck) >= 2
	})
	select {
	case err := <-result:
		require.Fail(w, "it ended", "%v", err)
	case <-time.After(300 * time.Millisecond):
	}
	require.Equal(w, w.lab.Boxes()[0].Address, stuck[0].From)
	w.lab.Registry().Heal()
	require.NoError(w, <-result)
}

func plain(w world) {
	require.NoError(w, w.pull(w.lab.PlainRegistry().Ref(w.image(0))))
}

func mirrored(w world) {
	pushed := w.image(1 << 20)
	w.lab.Registry().Forget()
	w.lab.Mirror().Forget()
	ref := w.lab.Mirror().Host() + "/" + pushed.Repository + "@" + pushed.Digest
	for range 2 {
		require.NoError(w, w.pull(ref))
		_, err := w.api.ImageRemove(w.Context(), ref, image.RemoveOptions{Force: true, PruneChildren: true})
		require.NoError(w, err)
	}
	require.Equal(w, 8, w.lab.Mirror().Count(http.MethodGet, "/blobs/"), "4 blobs, asked twice")
	require.Equal(w, 4, w.lab.Registry().Count(http.MethodGet, "/blobs/"), "and fetched once")
	for _, one := range w.lab.Registry().Requests() {
		require.Equal(w, w.lab.Address(), one.From, "only the mirror asked")
	}
}

func mirrorAlone(w world) {
	pushed := w.image(0)
	ref := w.lab.Mirror().Ref(pushed)
	require.NoError(w, w.pull(ref))
	w.lab.Registry().Stop()
	defer func() { require.NoError(w, w.lab.Registry().Start(w.Context())) }()
	require.NoError(w, w.pull(ref), "it has it all")
	other := w.lab.Mirror().Host() + "/test/none:dev"
	require.ErrorContains(w, w.pull(other), "502 Bad Gateway")
}

func fromElsewhere(w world) {
	w.lab.Registry().Fault(lab.Fault{From: "10.1.2.3", Status: http.StatusForbidden})
	require.NoError(w, w.pull(w.lab.Registry().Ref(w.image(0))), "the fault is another client's")
}
