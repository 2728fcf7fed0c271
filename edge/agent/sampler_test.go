package agent

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/edge/plausible"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

func TestTicksThatPassedAreLeftOut(t *testing.T) {
	origin := time.Now()
	at := func(s float64) time.Time { return origin.Add(time.Duration(s * float64(time.Second))) }
	for _, c := range []struct {
		name      string
		now, next float64
	}{
		{"at once", 0.001, 10},
		{"a slow read", 1, 10},
		{"three tries of a DHT", 7, 10},
		{"the tick that follows at once is left out", 8, 20},
		{"and so is one that has passed", 19, 30},
		{"a machine that slept", 3605, 3610},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, at(c.next), nextTick(origin, at(c.now), 10*time.Second))
		})
	}
}

// probe is a thermometer that does what the test says.
type probe struct {
	mu    sync.Mutex
	at    []time.Duration // of each read since the start
	start time.Time
	say   func(ctx context.Context, n int) (device.Measurement, error)
	most  int
	pause time.Duration
}

func (p *probe) Read(ctx context.Context) (device.Measurement, error) {
	p.mu.Lock()
	p.at = append(p.at, time.Since(p.start))
	n := len(p.at)
	p.mu.Unlock()
	return p.say(ctx, n)
}

type patientProbe struct{ *probe }

func (p patientProbe) Tries() (int, time.Duration) { return p.most, p.pause }

// sampled runs samplers for a while of virtual time and gives what they told.
func sampled(t *testing.T, every, life time.Duration, thermometers ...device.Thermometer) (readings []wire.Reading, alerts []wire.Alert, b *board) {
	t.Helper()
	room := spec.Room{Name: "hall", Policy: spec.DefaultPolicy()}
	room.Policy.SampleEvery = spec.Duration(every)
	c := Config{
		Box: "pi-1", Dir: t.TempDir(), Clock: ClockTrusted, Spool: Spool{Bytes: 8 << 20, SyncEvery: time.Second},
		Plausible: Plausible{Least: -10, Most: 60, StepK: 3, StuckAfter: 30 * time.Minute, StuckK: 0.5},
	}
	o, err := openOutbox(c)
	require.NoError(t, err)
	a := &agent{config: c, outbox: o, clock: newClock(c), board: &board{sensors: map[string]latest{}}}
	ctx, cancel := context.WithCancel(t.Context())
	var loops sync.WaitGroup
	for i, thermometer := range thermometers {
		s := newSampler(a, room, spec.Sensor{ID: i + 1, Box: "pi-1"}, thermometer, &rulebook{room: "hall", path: filepath.Join(c.Dir, "policy.json"), page: page{Policy: room.Policy}})
		loops.Go(func() { require.NoError(t, s.run(ctx)) })
	}
	time.Sleep(life)
	cancel()
	loops.Wait()
	batch, err := o.spools[wire.TopicTemp].Read(100_000)
	require.NoError(t, err)
	for _, r := range batch.Records {
		reading, err := wire.ParseReading(string(r.Key), r.Value, r.Time, r.Headers)
		require.NoError(t, err)
		readings = append(readings, reading)
	}
	batch, err = o.spools[wire.TopicAlert].Read(1000)
	require.NoError(t, err)
	for _, r := range batch.Records {
		alert, err := wire.Decode[wire.Alert](r.Value)
		require.NoError(t, err)
		alerts = append(alerts, alert)
	}
	require.NoError(t, o.close())
	return readings, alerts, a.board
}

func celsius(c float64) (device.Measurement, error) { return device.Measurement{Celsius: c}, nil }

func TestADHTIsTriedThreeTimesTwoSecondsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dht := &probe{start: time.Now(), most: 3, pause: 2 * time.Second, say: func(_ context.Context, n int) (device.Measurement, error) {
			time.Sleep(time.Second) // the driver waits for edges that do not come
			if n == 6 {
				return celsius(24)
			}
			return device.Measurement{}, errors.New("no whole answer within a second")
		}}
		readings, alerts, _ := sampled(t, 10*time.Second, 25*time.Second, patientProbe{dht})
		require.Equal(t, []time.Duration{0, 3, 6, 10, 13, 16, 20, 23}, inSeconds(dht.at), "two seconds of peace after each failure")
		require.Len(t, readings, 1)
		require.Empty(t, alerts)
	})
}

func inSeconds(at []time.Duration) []time.Duration {
	var out []time.Duration
	for _, d := range at {
		out = append(out, d.Round(time.Second)/time.Second)
	}
	return out
}

func TestADHTThatIsSampledEachSecondRestsBetweenSamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dht := &probe{start: time.Now(), most: 3, pause: 2 * time.Second, say: func(context.Context, int) (device.Measurement, error) {
			return device.Measurement{}, errors.New("damaged")
		}}
		_, alerts, _ := sampled(t, time.Second, 20*time.Second, patientProbe{dht})
		for i := 1; i < len(dht.at); i++ {
			require.GreaterOrEqual(t, dht.at[i]-dht.at[i-1], 2*time.Second)
		}
		require.GreaterOrEqual(t, len(dht.at), 8)
		require.Len(t, alerts, 1)
	})
}

func TestASlowSensorDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := &probe{start: time.Now(), say: func(ctx context.Context, _ int) (device.Measurement, error) {
			<-ctx.Done()
			return device.Measurement{}, ctx.Err()
		}}
		quick := &probe{start: time.Now(), say: func(context.Context, int) (device.Measurement, error) { return celsius(24) }}
		readings, alerts, b := sampled(t, 10*time.Second, 65*time.Second, hangs, quick)
		require.Equal(t, []time.Duration{0, 10, 20, 30, 40, 50, 60}, inSeconds(quick.at))
		require.Len(t, readings, 7)
		require.Len(t, alerts, 1)
		require.Equal(t, "hall/sensor/1/edge", alerts[0].ID)
		require.Less(t, time.Since(b.sensors["hall/1"].Looked), 25*time.Second, "the sampler itself goes on")
	})
}

func TestReadingsKeepTheTickWhateverAReadTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &probe{start: time.Now(), say: func(_ context.Context, n int) (device.Measurement, error) {
			time.Sleep(time.Duration(n%5) * 300 * time.Millisecond)
			return celsius(24 + float64(n%3)/10)
		}}
		sampled(t, 10*time.Second, 995*time.Second, slow)
		require.Len(t, slow.at, 100)
		for i, at := range slow.at {
			require.Equal(t, time.Duration(i)*10*time.Second, at, "no drift")
		}
	})
}

func TestWhatIsDoubtedIsToldWithTheReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		powerUp := &device.NotMeasuredError{Said: device.Measurement{Celsius: 85}, Reason: "85.000 °C is what it says after power-up"}
		says := []func() (device.Measurement, error){
			func() (device.Measurement, error) { return celsius(24) },
			func() (device.Measurement, error) { return celsius(31) },
			func() (device.Measurement, error) { return celsius(24.1) },
			func() (device.Measurement, error) { return device.Measurement{}, powerUp },
			func() (device.Measurement, error) { return celsius(math.NaN()) },
			func() (device.Measurement, error) {
				return device.Measurement{Celsius: 24.2, Humidity: 100, HasHumidity: true}, nil
			},
			func() (device.Measurement, error) {
				return device.Measurement{Celsius: 24.3, Humidity: 48, HasHumidity: true}, nil
			},
		}
		sensor := &probe{start: time.Now(), most: 1, say: func(_ context.Context, n int) (device.Measurement, error) { return says[n-1]() }}
		readings, alerts, b := sampled(t, 10*time.Second, 65*time.Second, patientProbe{sensor})
		require.Len(t, readings, 6, "all but the one that is no number")
		require.Equal(t, []string{"", "step of +7.0 K within 10s", "", powerUp.Reason, "", ""}, reasons(readings))
		require.InDelta(t, 85, readings[3].Celsius, 0)
		require.False(t, readings[4].HasHumidity, "left out")
		require.True(t, readings[5].HasHumidity)
		require.Empty(t, alerts)
		require.InDelta(t, 48, *b.sensors["hall/1"].Humidity, 0)
	})
}

func reasons(readings []wire.Reading) []string {
	var out []string
	for _, r := range readings {
		out = append(out, r.Reason)
	}
	return out
}

func TestAnotherIntervalHoldsWithinSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := spec.DefaultPolicy()
		slow.SampleEvery = spec.Duration(time.Hour)
		book := &rulebook{room: "hall", path: filepath.Join(t.TempDir(), "policy.json"), page: page{Policy: slow}}
		probe := &probe{start: time.Now(), say: func(context.Context, int) (device.Measurement, error) { return celsius(24) }}
		o, err := openOutbox(Config{Dir: t.TempDir(), Spool: Spool{Bytes: 8 << 20, SyncEvery: time.Second}, Clock: ClockTrusted})
		require.NoError(t, err)
		a := &agent{outbox: o, clock: newClock(Config{Clock: ClockTrusted}), board: &board{sensors: map[string]latest{}}}
		s := newSampler(a, spec.Room{Name: "hall"}, spec.Sensor{ID: 1}, probe, book)
		ctx, cancel := context.WithCancel(t.Context())
		var loop sync.WaitGroup
		loop.Go(func() { require.NoError(t, s.run(ctx)) })
		time.Sleep(time.Minute)
		fast := book.page.Policy
		fast.SampleEvery = spec.Duration(10 * time.Second)
		book.mu.Lock()
		book.page.Policy = fast
		book.mu.Unlock()
		time.Sleep(time.Minute)
		cancel()
		loop.Wait()
		require.NoError(t, o.close())
		require.GreaterOrEqual(t, len(probe.at), 5)
	})
}

func TestADeviceThatSaysNothingOfItselfIsTriedThreeTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flaky := &probe{start: time.Now(), say: func(_ context.Context, n int) (device.Measurement, error) {
			if n%3 != 0 {
				return device.Measurement{}, errors.New("away")
			}
			return celsius(24)
		}}
		readings, alerts, _ := sampled(t, 10*time.Second, 15*time.Second, flaky)
		require.Equal(t, []time.Duration{0, 2, 4, 10, 12, 14}, inSeconds(flaky.at))
		require.Len(t, readings, 2)
		require.Empty(t, alerts)
	})
}

func TestOnlySensorsInTheSameAirAreCompared(t *testing.T) {
	now := time.Now()
	b := &board{sensors: map[string]latest{}}
	inlet := airOf(spec.Sensor{})
	own := latest{Room: "hall", Sensor: 1, role: inlet, At: now, Celsius: 24}
	b.write(own)
	b.write(latest{Room: "hall", Sensor: 2, role: airOf(spec.Sensor{Role: spec.RoleInlet}), At: now, Celsius: 25})
	b.write(latest{Room: "hall", Sensor: 3, role: spec.RoleSupply, At: now, Celsius: 12})
	b.write(latest{Room: "cellar", Sensor: 4, role: inlet, At: now, Celsius: 18})
	b.write(latest{Room: "hall", Sensor: 5, role: inlet, At: now.Add(-91 * time.Second), Celsius: 30})
	b.write(latest{Room: "hall", Sensor: 6, role: inlet})
	require.Equal(t, []plausible.Neighbour{{Sensor: 2, Celsius: 25}}, b.beside(now, own, 90*time.Second))
}

func TestASensorThatRestsSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		weak := &probe{start: time.Now(), most: 1, pause: 5 * time.Second, say: func(_ context.Context, n int) (device.Measurement, error) {
			if n == 3 {
				return device.Measurement{}, errors.New("damaged")
			}
			return celsius(24)
		}}
		readings, _, _ := sampled(t, time.Second, 20*time.Second, patientProbe{weak})
		require.NotEmpty(t, readings)
		for _, r := range readings {
			require.InDelta(t, 24, r.Celsius, 0.001, "no number is made up while it rests")
		}
		require.GreaterOrEqual(t, weak.at[3]-weak.at[2], 5*time.Second)
	})
}

func TestReadingsOfADoubtedClockAreMarked(t *testing.T) {
	for mode, doubted := range map[string]bool{ClockTrusted: false, ClockKernel: true} {
		c := Config{Dir: t.TempDir(), Clock: mode, Spool: Spool{Bytes: 8 << 20, SyncEvery: time.Second}}
		o, err := openOutbox(c)
		require.NoError(t, err)
		a := &agent{config: c, outbox: o, clock: newClock(c), board: &board{sensors: map[string]latest{}}}
		a.clock.kernel = func() bool { return false }
		book := &rulebook{room: "hall", page: page{Policy: spec.DefaultPolicy()}}
		s := newSampler(a, spec.Room{Name: "hall"}, spec.Sensor{ID: 1}, &probe{}, book)
		s.took(time.Now(), device.Measurement{Celsius: 24}, "")
		batch, err := o.spools[wire.TopicTemp].Read(10)
		require.NoError(t, err)
		require.Len(t, batch.Records, 1)
		r := batch.Records[0]
		reading, err := wire.ParseReading(string(r.Key), r.Value, r.Time, r.Headers)
		require.NoError(t, err)
		require.Equal(t, doubted, reading.Unsynchronised, mode)
		require.NoError(t, o.close())
	}
}
