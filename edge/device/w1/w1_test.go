package w1_test

import (
	"context"
	"fmt"
	"math"
	"math/rand"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/edge/device/w1"
	"github.com/overcloud/overcloud/internal/fault"
)

func names(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("28-%012x", i+1))
	}
	return out
}

func open(t *testing.T, hub *w1.Hub, ids []string) []*w1.Thermometer {
	t.Helper()
	var out []*w1.Thermometer
	for _, id := range ids {
		thermometer, err := w1.New(hub, id)
		require.NoError(t, err)
		out = append(out, thermometer)
	}
	return out
}

// sample reads each sensor at its own ticks and checks that no value is older than most and that none comes twice.
func sample(t *testing.T, k *kernel, thermometers []*w1.Thermometer, every, most, life time.Duration, phase func(int) time.Duration) (readings int) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	end := time.Now().Add(life)
	for i, thermometer := range thermometers {
		wait := phase(i)
		all.Go(func() {
			time.Sleep(wait)
			tick := time.NewTicker(every)
			defer tick.Stop()
			before := 0.0
			for time.Now().Before(end) {
				m, err := thermometer.Read(t.Context())
				mu.Lock()
				if err != nil {
					t.Errorf("sensor %d: %v", i, err)
				}
				old := (k.air(time.Now()) - m.Celsius) * 100
				if old > most.Seconds() || old < 0 {
					t.Errorf("sensor %d: a value of %.2f s ago", i, old)
				}
				if m.Celsius <= before {
					t.Errorf("sensor %d: the same value again", i)
				}
				before = m.Celsius
				readings++
				mu.Unlock()
				<-tick.C
			}
		})
	}
	all.Wait()
	return readings
}

func TestSensorsThatTickTogetherShareOneConversion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel(names(8)...)
		readings := sample(t, k, open(t, w1.NewHub(k), names(8)), 10*time.Second, 1100*time.Millisecond, time.Minute, func(int) time.Duration { return 0 })
		require.Equal(t, 48, readings)
		require.Equal(t, 6, k.conversions, "one each tick for eight sensors")
		require.Zero(t, k.own)
	})
}

func TestSensorsThatTickByThemselvesShareConversionsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(4))
		k := newKernel(names(12)...)
		readings := sample(t, k, open(t, w1.NewHub(k), names(12)), 10*time.Second, 3200*time.Millisecond, 10*time.Minute,
			func(int) time.Duration { return time.Duration(r.Intn(10_000)) * time.Millisecond })
		require.Greater(t, readings, 700)
		t.Logf("%d readings by %d conversions in bulk and %d single ones", readings, k.conversions, k.own)
		require.Less(t, k.conversions, 5*60+5, "at the most one in two seconds")
		require.LessOrEqual(t, k.own, 1, "the first sensor was alone for a moment")
	})
}

func TestEachSecondEachReadingIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel(names(4)...)
		readings := sample(t, k, open(t, w1.NewHub(k), names(4)), time.Second, 1100*time.Millisecond, time.Minute, func(int) time.Duration { return 0 })
		require.Equal(t, 240, readings)
		require.Equal(t, 60, k.conversions)
	})
}

func TestAConversionThatASignalEndedGivesNothingOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel(names(2)...)
		both := open(t, w1.NewHub(k), names(2))
		sample(t, k, both, 10*time.Second, 1200*time.Millisecond, 5*time.Second, func(int) time.Duration { return 0 })
		time.Sleep(time.Hour)
		k.signal = 30 * time.Millisecond
		sample(t, k, both, 10*time.Second, 1200*time.Millisecond, 5*time.Second, func(int) time.Duration { return 0 })
	})
}

func TestWhatAnEndedProcessLeftBehindIsPassedOver(t *testing.T) {
	for _, n := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			k := newKernel(names(n)...)
			require.NoError(t, k.Write("devices/w1_bus_master1/therm_bulk_read", "trigger\n")) // and killed
			time.Sleep(time.Hour)
			sample(t, k, open(t, w1.NewHub(k), names(n)), 10*time.Second, 2*time.Second, 25*time.Second, func(int) time.Duration { return 0 })
		})
	}
}

func TestBesideAProcessThatConvertsInBulk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel(names(3)...)
		var all sync.WaitGroup
		all.Go(func() {
			sample(t, k, open(t, w1.NewHub(k), names(3)), 5*time.Second, 3*time.Second, time.Minute, func(int) time.Duration { return 0 })
		})
		all.Go(func() { // edge check, now and then
			time.Sleep(300 * time.Millisecond)
			sample(t, k, open(t, w1.Single(k), names(3)), 7*time.Second, 3*time.Second, time.Minute, func(i int) time.Duration { return time.Duration(i) * 400 * time.Millisecond })
		})
		all.Wait()
	})
}

func TestParasitePowerIsReadOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel(names(3)...)
		k.sensors[names(3)[1]].parasite = true
		sample(t, k, open(t, w1.NewHub(k), names(3)), 10*time.Second, 4*time.Second, time.Minute, func(int) time.Duration { return 0 })
		require.Zero(t, k.conversions)
		require.Equal(t, 18, k.own)
	})
}

// A driver that hangs for a quarter of an hour leaves one goroutine behind, and everybody who asks has an answer in time.
func TestADriverThatHangsLeaksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel(names(2)...)
		both := open(t, w1.NewHub(k), names(2))
		k.hang = make(chan struct{})
		for range 90 {
			for _, thermometer := range both {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				began := time.Now()
				_, err := thermometer.Read(ctx)
				require.ErrorIs(t, err, fault.ErrUnreachable)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.LessOrEqual(t, time.Since(began), 2*time.Second)
				cancel()
			}
			time.Sleep(10 * time.Second)
		}
		require.Equal(t, 1, k.inside)
		require.Equal(t, 1, k.most)
		k.mu.Lock()
		close(k.hang)
		k.hang = nil
		k.mu.Unlock()
		synctest.Wait()
		time.Sleep(5 * time.Second)
		for _, thermometer := range both {
			m, err := thermometer.Read(t.Context())
			require.NoError(t, err)
			require.InDelta(t, k.air(time.Now()), m.Celsius, 0.02, "nothing of then")
		}
	})
}

func TestASensorThatCameBackIsToldItsFeaturesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id := names(1)[0]
		k := newKernel(id)
		one := open(t, w1.NewHub(k), names(1))[0]
		_, err := one.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "3", k.sensors[id].features)
		k.unplug(id)
		_, err = one.Read(t.Context())
		require.ErrorIs(t, err, fault.ErrNotFound)
		k.plug(id)
		_, err = one.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "3", k.sensors[id].features)
	})
}

func TestRandomWorlds(t *testing.T) {
	for seed := range int64(60) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewSource(seed))
			n := 1 + r.Intn(6)
			k := newKernel(names(n)...)
			hub := w1.NewHub(k)
			all := open(t, hub, names(n))
			stop := time.Now().Add(3 * time.Minute)
			var group sync.WaitGroup
			for _, thermometer := range all {
				every, phase := time.Duration(1+r.Intn(20))*time.Second, time.Duration(r.Intn(20_000))*time.Millisecond
				group.Go(func() {
					for time.Sleep(phase); time.Now().Before(stop); time.Sleep(every) {
						m, err := thermometer.Read(t.Context())
						if old := (k.air(time.Now()) - m.Celsius) * 100; err == nil && (old > 3.5 || old < 0 || math.IsNaN(old)) {
							t.Errorf("seed %d: a value of %.1f s ago", seed, old)
						}
					}
				})
			}
			group.Go(func() {
				for time.Now().Before(stop) {
					time.Sleep(time.Duration(r.Intn(15_000)) * time.Millisecond)
					id := names(n)[r.Intn(n)]
					k.mu.Lock()
					k.signal = time.Duration(r.Intn(2)*r.Intn(700)) * time.Millisecond
					k.mu.Unlock()
					k.unplug(id)
					time.Sleep(time.Duration(r.Intn(3_000)) * time.Millisecond)
					k.plug(id)
				}
			})
			group.Wait()
		})
	}
}

func TestAddresses(t *testing.T) {
	for address, says := range map[string]string{
		"": "names no sensor", "28-": "names no sensor", "../../28-0000075f1c2d": "names no sensor",
		"29-0000075f1c2d": "names no sensor", "28-0000075f1c2d/": "names no sensor", "w1_bus_master1": "names no sensor",
	} {
		_, err := w1.New(w1.NewHub(newKernel()), address)
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, says)
	}
}
