package fn

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

func environment(pairs ...string) func(string) string {
	values := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return values[name] }
}

func TestAllFaultsOfAConfigurationAreToldAtOnce(t *testing.T) {
	env := NewEnv(environment("N", "eleven", "D", "-3s", "U", "ftp://x", "A", "kafka", "F", "NaN", "L", "a:1,b,c:99999",
		"B", "perhaps", EnvRooms, `[{"title":"x"}]`))
	env.Required("R")
	require.Equal(t, 3, env.Int("N", 3, 0, 10))
	require.Equal(t, time.Second, env.Duration("D", time.Second))
	require.Empty(t, env.URL("U", ""))
	env.Address("A", "x:1")
	env.Float("F", 1, 0, 2)
	env.Bool("B", false)
	require.Equal(t, []string{"a:1"}, env.Addresses("L", ""))
	env.Rooms()
	require.ErrorIs(t, env.Err(), fault.ErrInvalid)
	require.EqualError(t, env.Err(), `configuration: invalid: R is not set
N "eleven" is no whole number from 0 to 10
D "-3s" is no duration (write 30s, 15m or 2h)
U "ftp://x" is no URL (write http://host:port)
A "kafka" is not host:port
F "NaN" is no number from 0 to 2
B "perhaps" is neither true nor false
L "b" is not host:port
L "c:99999" has no port from 1 to 65535
OVERCLOUD_ROOMS has a room without a name`)
}

func TestAGoodConfigurationIsRead(t *testing.T) {
	env := NewEnv(environment("R", " x ", "N", "7", "D", "30s", "U", "https://h:1/", "A", "h:1", "F", "1.5",
		"L", "a:1, b:2", "B", "true", "E", "  ", EnvRooms, `[{"name":"lab","policy":{"warn":28,"up_every":"15m"}}]`))
	require.Equal(t, "x", env.Required("R"))
	require.Equal(t, "fallback", env.String("E", "fallback"))
	require.Equal(t, 7, env.Int("N", 3, 0, 10))
	require.Equal(t, 30*time.Second, env.Duration("D", time.Second))
	require.Equal(t, "https://h:1", env.URL("U", ""))
	require.Equal(t, "h:1", env.Address("A", ""))
	require.InDelta(t, 1.5, env.Float("F", 1, 0, 2), 0)
	require.True(t, env.Bool("B", false))
	require.Equal(t, []string{"a:1", "b:2"}, env.Addresses("L", ""))
	require.Equal(t, 15*time.Minute, env.Rooms()[0].Policy.UpEvery.D())
	require.NoError(t, env.Err())
}

func TestASecretComesFromAFileOrTheEnvironment(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "token"), []byte("hidden\n"), 0o600))
	env := NewEnv(environment(EnvRoot, root, "A_FILE", "/token", "B", "plain", "C", "x1y2", "C_FILE", "/token", "D_FILE", "/gone"))
	require.Equal(t, "hidden", env.Secret("A"))
	require.Equal(t, "plain", env.Secret("B"))
	require.Empty(t, env.Secret("E"))
	require.NoError(t, env.Err())
	env.Secret("C")
	env.Secret("D")
	require.ErrorContains(t, env.Err(), "C and C_FILE are both set")
	require.ErrorContains(t, env.Err(), "D_FILE is not readable")
	require.NotContains(t, env.Err().Error(), "x1y2")
}

func TestHealthIsServedAndProbed(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	addr := freeAddress(t)
	state := make(chan error, 1)
	state <- nil
	served := make(chan error, 1)
	go func() {
		served <- ServeHealth(ctx, addr, func() (any, error) {
			err := <-state
			state <- err
			return map[string]int{"written": 7}, err
		})
	}()
	require.Eventually(t, func() bool { return ProbeHealth(ctx, addr) == nil }, 5*time.Second, 10*time.Millisecond)
	answer, err := http.Get("http://" + addr + "/healthz")
	require.NoError(t, err)
	defer answer.Body.Close()
	var health map[string]any
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&health))
	require.Equal(t, map[string]any{"ok": true, "detail": map[string]any{"written": 7.0}}, health)

	<-state
	state <- errors.New("InfluxDB is away")
	err = ProbeHealth(ctx, addr)
	require.ErrorIs(t, err, fault.ErrUnhealthy)
	require.ErrorContains(t, err, "InfluxDB is away")

	require.ErrorIs(t, ServeHealth(ctx, addr, nil), fault.ErrPortTaken)
	cancel()
	require.NoError(t, <-served)
	require.ErrorIs(t, ProbeHealth(t.Context(), addr), fault.ErrUnreachable)
}

func TestAProgramAnswersItsArguments(t *testing.T) {
	addr := freeAddress(t)
	host, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	program := Program{Name: "sink", Help: "\nsink writes.\n", HealthPort: port, Run: func(context.Context, func(string) string) error {
		return errors.New("no broker")
	}}
	run := func(args ...string) (code int, out, errs string) {
		var o, e bytes.Buffer
		code = program.main(args, environment(EnvListenHost, host), &o, &e)
		return code, o.String(), e.String()
	}
	code, out, _ := run("--help")
	require.Equal(t, 0, code)
	require.Equal(t, "sink writes.\n", out)
	code, _, errs := run("serve")
	require.Equal(t, 2, code)
	require.Equal(t, "sink: unknown argument \"serve\" (try sink --help)\n", errs)
	code, _, errs = run("health")
	require.Equal(t, 1, code)
	require.Contains(t, errs, "unreachable")
	code, _, errs = run()
	require.Equal(t, 1, code)
	require.Contains(t, errs, "sink: no broker\n")
}

func TestASignalEndsAProgramInOrder(t *testing.T) {
	var errs bytes.Buffer
	code := Main("edge", environment(EnvBox, "pi-1"), &errs, func(ctx context.Context) error {
		require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGTERM))
		<-ctx.Done()
		return ctx.Err()
	})
	require.Equal(t, 0, code, errs.String())
	require.Contains(t, errs.String(), `"box":"pi-1"`)
	require.Equal(t, 2, Main("edge", environment(EnvLogLevel, "loud"), &errs, nil))
	require.Contains(t, errs.String(), `LOG_LEVEL "loud" is none of debug, info, warn, error`)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

func TestRoomsMayStandInAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rooms.json")
	require.NoError(t, os.WriteFile(path, []byte(`[{"name":"lab"},{"name":"hall"}]`), 0o600))
	read := func(values map[string]string) ([]spec.Room, error) {
		env := NewEnv(func(name string) string { return values[name] })
		rooms := env.Rooms()
		return rooms, env.Err()
	}
	rooms, err := read(map[string]string{EnvRoomsFile: path})
	require.NoError(t, err)
	require.Len(t, rooms, 2)
	_, err = read(map[string]string{EnvRoomsFile: path, EnvRooms: "[]"})
	require.ErrorContains(t, err, "OVERCLOUD_ROOMS_FILE is set, and OVERCLOUD_ROOMS too")
	_, err = read(map[string]string{EnvRoomsFile: path + "x"})
	require.ErrorContains(t, err, "OVERCLOUD_ROOMS_FILE is not readable")
}
