//go:build integration

package docker_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	boxes "github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/labtest"
	"github.com/overcloud/overcloud/internal/spec"
)

// Secrets lie in the box's memory: after a loss of power its engine cannot start their container without them, and we
// start the same one with them.
func TestSecretsAreGivenAgainAfterABoot(t *testing.T) {
	l := labtest.New(t, boxes.Options{Boxes: 1})
	l.PlainRegistry().Stop()
	w := newWorld(t, l.Boxes()[0], l.PlainRegistry().Host())
	require.NoError(t, w.engine.Pull(w.ctx, w.echo, activities.Source{}, nil))
	p := w.placement("secretive")
	p.Reconciled, p.Restart = true, "always"
	p.Secrets = []spec.SecretUse{{Name: "token", Target: "/run/secrets/token"}}
	secret := activities.SecretFile{Target: "/run/secrets/token", Value: []byte("hush-hush")}
	id := w.start(p, secret)
	w.logged(id, "secret of 9 bytes, mode -r--------")
	other := w.placement("other")
	other.Restart = "always"
	w.start(other)

	require.NoError(t, l.Kill(t.Context(), w.box.Name))
	require.NoError(t, l.Restart(t.Context(), w.box.Name))
	w.until(other.Container, "running")
	require.Equal(t, "exited", w.until(id, "exited").Status)
	require.Equal(t, id, w.start(p, secret))
	require.Equal(t, "running", w.until(id, "running").Status)
	state := w.until(id, "running")
	text, err := w.engine.Logs(w.ctx, id, 2)
	require.NoError(t, err)
	require.Contains(t, text, "secret of 9 bytes", "%+v", state)
	out, err := l.Exec(t.Context(), w.box.Name, "sh", "-c", "cat /run/overcloud/*/token")
	require.NoError(t, err, out)
	require.Equal(t, "hush-hush", out)
	require.NoError(t, w.engine.Remove(w.ctx, id, grace))
	out, err = l.Exec(t.Context(), w.box.Name, "sh", "-c", "find /run/overcloud -type f")
	require.NoError(t, err, out)
	require.Empty(t, out, "no file stays")
}

// One helper for all connections of a consumer costs about what one for a single connection does.
func TestManyConnectionsCostAboutAsMuchAsOne(t *testing.T) {
	l := labtest.New(t, boxes.Options{Boxes: 1})
	l.PlainRegistry().Stop()
	w := newWorld(t, l.Boxes()[0], l.PlainRegistry().Host())
	require.NoError(t, w.engine.Pull(w.ctx, w.echo, activities.Source{}, nil))
	p := w.placement("alone")
	w.start(p)
	dial := activities.Dial{Service: service, Container: p.Container, Timeout: 2 * time.Second}
	took := func(addresses ...string) time.Duration {
		dial.Addresses = addresses
		best := time.Hour
		for range 3 {
			began := time.Now()
			all, err := w.engine.Dial(w.ctx, dial)
			require.NoError(t, err)
			require.True(t, all[0].Connected, all[0].Fault)
			best = min(best, time.Since(began))
		}
		return best
	}
	took("127.0.0.1:7000") // brings the image
	one := took("127.0.0.1:7000")
	many := took("127.0.0.1:7000", "127.0.0.1:7000", "127.0.0.1:7000", "127.0.0.1:7000", "127.0.0.1:7000")
	t.Logf("one connection %s, five %s", one.Round(time.Millisecond), many.Round(time.Millisecond))
	require.Less(t, many, 3*one)
	require.NoError(t, w.engine.Remove(w.ctx, p.Container, grace))
}
