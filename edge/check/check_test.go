package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/overcloud/overcloud/edge/agent"
	"github.com/overcloud/overcloud/edge/device/catalog"
	"github.com/overcloud/overcloud/edge/device/simulated"
	"github.com/overcloud/overcloud/functions/room/server"
	"github.com/overcloud/overcloud/internal/spec"
)

func hall() spec.Room {
	return spec.Room{
		Name: "hall", Policy: spec.DefaultPolicy(),
		Sensors:         []spec.Sensor{{ID: 1, Source: "simulated://room/1", Box: "pi-1"}},
		AirConditioners: []spec.AirConditioner{{Name: "ac1", Remote: "lg", Transmitter: "simulated://ac1", Box: "pi-1", Min: 18, Max: 30}},
	}
}

// simulation is an edge whose room, with infrared lost by that probability, and broker are there.
func simulation(t *testing.T, loss float64) agent.Config {
	t.Helper()
	building, err := server.New(server.Config{Rooms: []spec.Room{hall()}, Speed: 1, Loss: loss})
	require.NoError(t, err)
	rooms := httptest.NewServer(building.Handler())
	t.Cleanup(rooms.Close)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	return agent.Config{
		Box: "pi-1", Rooms: []spec.Room{hall()}, Brokers: cluster.ListenAddrs(), Dir: t.TempDir(), Listen: "127.0.0.1:1",
		Clock: agent.ClockTrusted, Devices: catalog.Catalog{Simulation: simulated.Simulation{URL: rooms.URL}},
		Spool: agent.Spool{Bytes: 1 << 20}, Plausible: agent.Plausible{Least: -10, Most: 60}, EchoWait: 500 * time.Millisecond,
	}
}

func line(t *testing.T, lines []Line, name string) Line {
	t.Helper()
	for _, l := range lines {
		if l.Group+" "+l.Name == name {
			return l
		}
	}
	require.Fail(t, "no line", "%s in %+v", name, lines)
	return Line{}
}

func TestAllIsWell(t *testing.T) {
	lines := Run(t.Context(), Options{Config: simulation(t, 0), Send: &Order{AC: "ac1", Setpoint: 22}})
	require.True(t, Healthy(lines), "%+v", lines)
	require.Contains(t, line(t, lines, "sensor hall/1").Found, "°C")
	require.Contains(t, line(t, lines, "infrared hall/ac1 sent").Found, "cool 22 °C, fan auto, frame 0x")
	require.Contains(t, line(t, lines, "infrared hall/ac1 sent").Found, "its echo heard after")
	for _, l := range lines {
		if strings.HasPrefix(l.Name, "127.0.0.1") {
			require.Contains(t, l.Found, "answers in")
		}
	}
}

func TestASilentMachineIsTold(t *testing.T) {
	lines := Run(t.Context(), Options{Config: simulation(t, 1), Send: &Order{AC: "hall/ac1"}})
	require.False(t, Healthy(lines))
	l := line(t, lines, "infrared hall/ac1 sent")
	require.Equal(t, Failed, l.State)
	require.Contains(t, l.Found, "no echo within 500ms")
	require.Contains(t, l.Do, "point the transmitter")
}

func TestNothingIsSentWithoutAWordAndNothingOutsideTheLimits(t *testing.T) {
	c := simulation(t, 0)
	for _, l := range Run(t.Context(), Options{Config: c}) {
		require.NotContains(t, l.Name, "sent")
	}
	l := line(t, Run(t.Context(), Options{Config: c, Send: &Order{AC: "ac1", Setpoint: 29}}), "infrared hall/ac1 sent")
	require.Contains(t, l.Found, "29 °C is outside 18 to 27 °C")
	require.Equal(t, "try a setpoint that it may have", l.Do)
}

func TestQueuesThatWereDamagedAreTold(t *testing.T) {
	c := simulation(t, 0)
	folder := filepath.Join(c.Dir, "spool", "temp")
	require.NoError(t, os.MkdirAll(folder, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "1.damaged"), []byte("x"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "2.seg"), make([]byte, 1<<20), 0o600))
	l := line(t, Run(t.Context(), Options{Config: c}), "machine queues")
	require.Equal(t, Warn, l.State)
	require.Contains(t, l.Found, "1 file, 1024 KiB, 1 damaged set aside")
}

func TestTooLittleDiskFails(t *testing.T) {
	c := simulation(t, 0)
	c.Spool.Bytes = 1 << 55
	l := line(t, Run(t.Context(), Options{Config: c}), "machine disk")
	require.Equal(t, Failed, l.State)
	require.Contains(t, l.Do, "make room")
}

func TestAMachineThatNothingHearsIsWarnedOf(t *testing.T) {
	require.Equal(t, Warn, deaf("hall/ac1", spec.AirConditioner{}).State)
	l := deaf("hall/ac1", spec.AirConditioner{Supply: 3, Meter: "file:/run/w"})
	require.Equal(t, OK, l.State)
	require.Equal(t, "none: orders are confirmed by its supply air, sensor 3 and its meter, minutes later", l.Found)
}

func TestACheckLeavesNoFolderBehind(t *testing.T) {
	c := simulation(t, 0)
	c.Dir = filepath.Join(t.TempDir(), "data")
	require.Equal(t, OK, line(t, Run(t.Context(), Options{Config: c}), "machine disk").State)
	require.NoDirExists(t, c.Dir, "made by root it would be closed to the daemon")
}

func TestInfraredIsAdvisedByItsWay(t *testing.T) {
	require.Contains(t, way("transmitter", "lircd:"), "systemctl status lircd")
	require.Contains(t, way("transmitter", "lircd://10.0.0.5:8765"), "--listen")
	require.Contains(t, way("receiver", "/dev/lirc1"), "is the receiver's overlay loaded")
}

func TestAdviceFitsTheFault(t *testing.T) {
	advice := access("look at the wiring")
	require.Contains(t, advice(fmt.Errorf("open /dev/lirc0: %w", fs.ErrPermission)), "group (video)")
	require.Contains(t, advice(context.DeadlineExceeded), "in time: look at the wiring")
	require.Equal(t, "look at the wiring", advice(errors.New("EIO")))
}
