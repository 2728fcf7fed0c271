package docker_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/docker"
	"github.com/overcloud/overcloud/internal/embedded/box"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// cut is a way to an engine that ends in the middle: the last request still arrives, its answer is lost, and nothing
// gets through after it. So it is for the engine when a worker is killed.
func cut(t *testing.T, engine string, after int64) (address string, calls *atomic.Int64) {
	target, err := url.Parse(strings.Replace(engine, "tcp://", "http://", 1))
	require.NoError(t, err)
	calls = &atomic.Int64{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			if calls.Load() >= after {
				return http.ErrAbortHandler
			}
			return nil
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) > after {
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = nil
	t.Cleanup(server.Close)
	return "tcp://" + server.Listener.Addr().String(), calls
}

// A worker may die after any request to an engine. Whoever goes on leaves exactly one container, under its name,
// whatever was there before.
func TestKilledAfterAnyRequestAStartLeavesOneContainer(t *testing.T) {
	made, err := box.New(box.Options{Name: "killed", Dir: t.TempDir(), ListenAddr: "127.0.0.1:0", Index: 212})
	require.NoError(t, err)
	require.NoError(t, made.Start(context.Background()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, made.Close(ctx))
	})
	w := newWorld(t, spec.Box{Name: "killed", Engine: "tcp://" + made.Addr()}, loopback)
	require.NoError(t, w.engine.Pull(w.ctx, w.echo, activities.Source{}, nil))
	secrets := []activities.SecretFile{{Target: "token", Value: []byte("hush-hush")}}
	for name, steps := range map[string][]func(*plan.Placement){
		"new":      {func(*plan.Placement) {}},
		"replaced": {func(*plan.Placement) {}, func(p *plan.Placement) { p.SpecHash = "h2" }},
		"start-first": {
			func(*plan.Placement) {},
			func(p *plan.Placement) { p.SpecHash, p.Order = "h2", spec.OrderStartFirst },
			func(p *plan.Placement) { p.Order = "" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			for after := int64(1); ; after++ {
				p := w.placement("killed")
				p.Ports = nil // the many connections of this test may take any free port
				for _, change := range steps[:len(steps)-1] {
					change(&p)
					w.start(p, secrets...)
				}
				steps[len(steps)-1](&p)
				address, calls := cut(t, w.box.Engine, after)
				engines := docker.NewEngines(docker.Options{})
				engine, err := engines.Open(spec.Box{Name: "killed", Engine: address})
				require.NoError(t, err)
				ctx, cancel := context.WithTimeout(w.ctx, 20*time.Second)
				_, _, err = engine.EnsureContainer(ctx, service, p, secrets)
				cancel()
				require.NoError(t, engines.Close())
				id := w.start(p, secrets...)
				w.until(id, "running")
				ours := w.of(p.Function)
				require.Len(t, ours, 1, "killed after %d requests", after)
				require.Equal(t, p.Container, ours[0].Name, "killed after %d requests", after)
				require.NoError(t, w.engine.Remove(w.ctx, id, time.Second))
				if calls.Load() <= after && err == nil {
					t.Logf("killed after each of %d requests", after-1)
					return
				}
			}
		})
	}
}
