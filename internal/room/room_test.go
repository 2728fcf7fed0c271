package room

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// build is a room whose one sensor stands at the mean inlet, without noise, with all machines at one setpoint.
func build(t *testing.T, p Parameters, setpoint int) *Model {
	t.Helper()
	m, err := New(p, []Probe{{ID: 1, PlaceK: p.InletRiseK, Lag: time.Minute}}, 1)
	require.NoError(t, err)
	for _, ac := range p.AirConditioners {
		require.NoError(t, m.Tell(ac.Name, Told{Power: true, Setpoint: setpoint}))
	}
	return m
}

// day runs a day of warm-up and a day of measurement: mean inlet, cooling and servers in kWh.
func day(m *Model) (inlet, cooling, load float64) {
	m.Step(24 * time.Hour)
	before := m.State()
	n := 0
	for range 24 * 60 {
		m.Step(time.Minute)
		inlet += m.State().Probes[0].TrueC
		n++
	}
	after := m.State()
	return inlet / float64(n), (after.CoolingJ - before.CoolingJ) / 3.6e6, (after.LoadJ - before.LoadJ) / 3.6e6
}

// The reference's baselines (3.3): kWh per day and mean inlet of inverter rooms at fixed setpoints.
func TestBaselines(t *testing.T) {
	for _, c := range []struct {
		name           string
		parameters     Parameters
		setpoint       int
		optimistic     bool
		inlet, cooling float64
		load           float64
	}{
		{"S at 20, optimistic", Small(), 20, true, 21.3, 23.7, 72.0},
		{"S at 25, optimistic", Small(), 25, true, 26.1, 18.9, 72.9},
		{"S at 20, pessimistic", Small(), 20, false, 21.3, 21.3, 72.0},
		{"S at 25, pessimistic", Small(), 25, false, 26.1, 19.3, 72.9},
		{"M at 20, optimistic", Medium(), 20, true, 21.7, 61.7, 192},
		{"M at 25, optimistic", Medium(), 25, true, 26.5, 50.8, 194.7},
		{"M at 20, pessimistic", Medium(), 20, false, 21.7, 55.7, 192},
		{"M at 25, pessimistic", Medium(), 25, false, 26.5, 52.2, 194.7},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.parameters.Optimistic = c.optimistic
			inlet, cooling, load := day(build(t, c.parameters, c.setpoint))
			t.Logf("inlet %.2f °C, cooling %.1f kWh, servers %.1f kWh", inlet, cooling, load)
			require.InDelta(t, c.inlet, inlet, 0.15)
			require.InEpsilon(t, c.cooling, cooling, 0.05)
			require.InEpsilon(t, c.load, load, 0.01)
		})
	}
}

// Total loss of cooling at setpoint 25 (reference 3.4): K/min in three spans and minutes to 32 °C.
func TestTotalCoolingLoss(t *testing.T) {
	for _, c := range []struct {
		name                     string
		parameters               Parameters
		first, second, third     float64
		to32Earliest, to32Latest time.Duration
	}{
		{"S", Small(), 0.7, 0.20, 0.05, 10 * time.Minute, 20 * time.Minute},
		{"M", Medium(), 0.94, 0.30, 0.10, 4 * time.Minute, 9 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := build(t, c.parameters, 25)
			m.Step(36 * time.Hour)
			for _, ac := range c.parameters.AirConditioners {
				require.NoError(t, m.Fail(ac.Name, true))
			}
			inlet := func() float64 { return m.State().Probes[0].TrueC }
			at := []float64{inlet()}
			var to32 time.Duration
			for s := time.Duration(0); s < time.Hour; s += 10 * time.Second {
				m.Step(10 * time.Second)
				if to32 == 0 && inlet() >= 32 {
					to32 = s
				}
				switch s + 10*time.Second {
				case 5 * time.Minute, 15 * time.Minute, time.Hour:
					at = append(at, inlet())
				}
			}
			t.Logf("%.2f, %.2f, %.3f K/min; 32 °C after %s", (at[1]-at[0])/5, (at[2]-at[1])/10, (at[3]-at[2])/45, to32)
			require.InEpsilon(t, c.first, (at[1]-at[0])/5, 0.25)
			require.InEpsilon(t, c.second, (at[2]-at[1])/10, 0.35)
			require.InEpsilon(t, c.third, (at[3]-at[2])/45, 0.5)
			require.Greater(t, to32, c.to32Earliest)
			require.Less(t, to32, c.to32Latest)
		})
	}
}

func TestFixedSpeedCycles(t *testing.T) {
	p := Small()
	p.AirConditioners[0].Inverter = false
	m := build(t, p, 20)
	m.Step(12 * time.Hour)
	before := m.State().AirConditioners[0].Starts
	m.Step(12 * time.Hour)
	perHour := float64(m.State().AirConditioners[0].Starts-before) / 12
	require.InDelta(t, 5.5, perHour, 1.5, "starts an hour (reference 3.3)")
}

func TestRoomFollowsSetpoint(t *testing.T) {
	m := build(t, Medium(), 22)
	m.Step(36 * time.Hour)
	before := m.State().AirC
	for _, ac := range []string{"ac1", "ac2"} {
		require.NoError(t, m.Tell(ac, Told{Power: true, Setpoint: 24}))
	}
	m.Step(3 * time.Hour)
	gain := (m.State().AirC - before) / 2
	require.InDelta(t, 0.93, gain, 0.08, "K of air for each K of setpoint")
}

func TestLoadStepAndDoor(t *testing.T) {
	m := build(t, Medium(), 24)
	m.Step(12 * time.Hour)
	before := m.State().AirC
	require.NoError(t, m.Control(Controls{LoadFactor: 1.4}))
	m.Step(time.Hour)
	require.InDelta(t, 0.5, m.State().AirC-before, 0.3, "+40 % of load")
	require.InDelta(t, 8000*1.4, m.State().LoadW, 300)
	hot := 35.0
	require.NoError(t, m.Control(Controls{LoadW: 8000, DoorKgS: 0.3, OutdoorC: &hot}))
	m.Step(time.Minute)
	require.InDelta(t, 35, m.State().OutdoorC, 1e-9)
}

func TestPowerOffStopsAtOnceAndRestsThreeMinutes(t *testing.T) {
	m := build(t, Small(), 20)
	m.Step(time.Hour)
	require.NoError(t, m.Tell("ac1", Told{}))
	m.Step(2 * time.Second)
	require.False(t, m.State().AirConditioners[0].Compressor)
	require.Zero(t, m.State().AirConditioners[0].PowerW)
	require.NoError(t, m.Tell("ac1", Told{Power: true, Setpoint: 18}))
	m.Step(170 * time.Second)
	require.False(t, m.State().AirConditioners[0].Compressor)
	m.Step(12 * time.Second)
	require.True(t, m.State().AirConditioners[0].Compressor)
}

// Whatever happens to the room, heat is neither made nor lost: what flows in is what the masses store.
func TestEnergyBalanceUnderAnything(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	for range 20 {
		p := Medium()
		p.Optimistic = random.IntN(2) == 0
		m, err := New(p, DefaultProbes([]int{1, 2, 3}, 0.9, random.Uint64()), random.Uint64())
		require.NoError(t, err)
		stored := func() float64 {
			s := m.State()
			return p.AirJK*s.AirC + p.ServerJK*s.ServersC + p.MassJK*s.WallsC
		}
		for range 200 {
			shake(t, m, random)
			before, in := stored(), 0.0
			for range 30 {
				f := m.flows()
				in += 2 * (f.Load + f.Neighbours + f.Outside + f.Infiltration - f.Cooling)
				m.Step(2 * time.Second)
			}
			require.InDelta(t, before+in, stored(), 1e-6*math.Abs(before)+2000, "balance")
			sane(t, m)
		}
	}
}

func shake(t *testing.T, m *Model, random *rand.Rand) {
	t.Helper()
	outdoorC := -30 + 80*random.Float64()
	require.NoError(t, m.Control(Controls{LoadFactor: 2 * random.Float64(), DoorKgS: random.Float64(), OutdoorC: &outdoorC}))
	m.state.OutdoorC = outdoorC // so that the flows before the step are those of the step
	ac := []string{"ac1", "ac2"}[random.IntN(2)]
	require.NoError(t, m.Tell(ac, Told{Power: random.IntN(3) > 0, Setpoint: 16 + random.IntN(15)}))
	require.NoError(t, m.Fail(ac, random.IntN(10) == 0))
}

func sane(t *testing.T, m *Model) {
	t.Helper()
	s := m.State()
	for _, v := range []float64{s.AirC, s.ServersC, s.WallsC, s.Probes[0].ShownC, s.Probes[0].ShownRH, s.CoolingJ} {
		require.False(t, math.IsNaN(v) || math.IsInf(v, 0), "%+v", s)
	}
	require.True(t, s.Probes[0].ShownRH >= 0 && s.Probes[0].ShownRH <= 100)
	for _, ac := range s.AirConditioners {
		require.GreaterOrEqual(t, ac.PowerW, 0.0)
		require.GreaterOrEqual(t, ac.HeatW, 0.0)
	}
}

func TestSensorLagNoiseAndQuantum(t *testing.T) {
	p := Small()
	m, err := New(p, []Probe{{ID: 1, PlaceK: 0.5, Lag: time.Minute, NoiseK: 0.1, QuantumK: 0.1}}, 3)
	require.NoError(t, err)
	m.Step(6 * time.Hour)
	var sum, squares float64
	const n = 2000
	for range n {
		m.Step(2 * time.Second)
		c, rh, err := m.Read(1)
		require.NoError(t, err)
		require.InDelta(t, math.Round(c*10)/10, c, 1e-9, "a step of 0.1 K")
		require.True(t, rh > 15 && rh < 75, "humidity %g", rh)
		d := c - m.State().Probes[0].C
		sum, squares = sum+d, squares+d*d
	}
	require.InDelta(t, 0, sum/n, 0.02)
	require.InDelta(t, 0.104, math.Sqrt(squares/n), 0.02, "noise and quantum together")
	_, _, err = m.Read(99)
	require.ErrorIs(t, err, fault.ErrNotFound)
}

func TestRestoreGoesOnExactly(t *testing.T) {
	one, err := New(Medium(), DefaultProbes([]int{1, 2}, 0.9, 5), 5)
	require.NoError(t, err)
	one.Step(time.Hour)
	two, err := New(Medium(), DefaultProbes([]int{1, 2}, 0.9, 5), 5)
	require.NoError(t, err)
	require.NoError(t, two.Restore(one.State()))
	one.Step(time.Hour)
	two.Step(time.Hour)
	require.Equal(t, one.State(), two.State())

	small, err := New(Small(), nil, 5)
	require.NoError(t, err)
	require.ErrorIs(t, small.Restore(one.State()), fault.ErrInvalid)
}

func TestBadInputChangesNothing(t *testing.T) {
	m := build(t, Small(), 24)
	before := m.State()
	for _, c := range []Controls{{LoadFactor: -1}, {LoadW: math.NaN()}, {DoorKgS: 9}, {OutdoorC: new(200.0)}} {
		require.ErrorIs(t, m.Control(c), fault.ErrInvalid)
	}
	require.ErrorIs(t, m.Tell("ac9", Told{}), fault.ErrNotFound)
	require.ErrorIs(t, m.Tell("ac1", Told{Power: true, Setpoint: 60}), fault.ErrInvalid)
	require.Equal(t, before, m.State())
	_, err := New(Parameters{}, nil, 0)
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func BenchmarkStep(b *testing.B) {
	m, err := New(Medium(), DefaultProbes([]int{1, 2, 3}, 0.9, 5), 5)
	require.NoError(b, err)
	for b.Loop() {
		m.Step(2 * time.Second)
	}
}

func TestScaled(t *testing.T) {
	require.Equal(t, 3000.0, Scaled([]string{"a"}).LoadW)
	require.Equal(t, 8000.0, Scaled([]string{"a", "b"}).LoadW)
	four := Scaled([]string{"a", "b", "c", "d"})
	require.Equal(t, 16000.0, four.LoadW)
	require.Equal(t, "d", four.AirConditioners[3].Name)
	require.NoError(t, four.Validate())
}

func TestASensorFollowsTheAirWithItsLag(t *testing.T) {
	p := Medium()
	m, err := New(p, []Probe{{ID: 1, PlaceK: p.InletRiseK + 10, Lag: time.Minute}}, 1)
	require.NoError(t, err)
	at := func() float64 { return m.State().Probes[0].TrueC - m.State().Probes[0].C }
	require.InDelta(t, 10, at(), 0.01, "it begins at the mean inlet")
	m.Step(time.Minute)
	require.InDelta(t, 10/math.E, at(), 0.5, "after its time constant")
	m.Step(5 * time.Minute)
	require.InDelta(t, 0, at(), 0.3)
}
