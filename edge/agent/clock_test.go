package agent

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// noon is the true time when a test begins, in ms.
const noon = int64(1_790_000_000_000)

// told is one lease: when it arrives, and how long it was under way.
type told struct{ at, travelled time.Duration }

func TestJudgement(t *testing.T) {
	live := []told{{10 * time.Second, 40 * time.Millisecond}, {70 * time.Second, 300 * time.Millisecond}}
	for _, c := range []struct {
		name     string
		mode     string
		unsynced bool
		off      time.Duration // of this box's clock from the true time
		known    time.Duration // latest known time, from noon; zero for none
		leases   []told
		at       time.Duration // when it is asked
		says     string        // in the doubt; empty: trusted
	}{
		{name: "trusted is never doubted", mode: ClockTrusted, unsynced: true, off: -time.Hour, leases: live, at: 2 * time.Minute},
		{name: "the kernel alone, synchronised", mode: ClockKernel, off: -time.Hour, leases: live, at: 2 * time.Minute},
		{name: "the kernel alone, not synchronised", mode: ClockKernel, unsynced: true, leases: live, at: 2 * time.Minute, says: "nobody sets the clock"},
		{name: "synchronised, nobody heard", mode: ClockAuto, at: time.Minute},
		{name: "not synchronised, nobody heard", mode: ClockAuto, unsynced: true, at: time.Minute, says: "nobody has been heard"},
		{name: "a container: the kernel says nothing, the leases agree", mode: ClockAuto, unsynced: true, leases: live, at: 2 * time.Minute},
		{name: "one lease that agrees is enough", mode: ClockAuto, unsynced: true, leases: live[:1], at: 15 * time.Second},
		{name: "1970 after a power cut", mode: ClockAuto, unsynced: true, off: -time.Duration(noon) * time.Millisecond, known: -time.Hour, at: 0, says: "earlier than a time that has passed"},
		{name: "earlier than known though the kernel says synchronised", mode: ClockAuto, off: -2 * time.Hour, known: -time.Hour, at: 0, says: "earlier than a time"},
		{name: "set back by a second", mode: ClockAuto, off: -time.Second, known: time.Millisecond, at: 0},
		{name: "the known time was wrong, the leases agree", mode: ClockAuto, known: 1000 * time.Hour, leases: live, at: 2 * time.Minute},
		{name: "ahead of the leases", mode: ClockAuto, off: 6 * time.Second, leases: live, at: 2 * time.Minute, says: "6s ahead of those who decide"},
		{name: "behind the leases", mode: ClockAuto, off: -time.Hour, leases: live, at: 2 * time.Minute, says: "1h0m0s behind those who decide"},
		{name: "within what is borne", mode: ClockAuto, off: 4 * time.Second, leases: live, at: 2 * time.Minute},
		{name: "one lease that waited long makes no clock wrong", mode: ClockAuto, leases: []told{{time.Second, time.Minute}}, at: 2 * time.Second},
		{
			name: "leases that waited in the topic came at once, then live ones", mode: ClockAuto, at: 3 * time.Minute,
			leases: []told{{time.Second, time.Hour}, {1001 * time.Millisecond, 50 * time.Minute}, {1002 * time.Millisecond, 40 * time.Second}, {62 * time.Second, 50 * time.Millisecond}},
		},
		{
			name: "a slow network: the fastest of the last few counts", mode: ClockAuto, unsynced: true, at: 5 * time.Minute,
			leases: []told{{time.Minute, 9 * time.Second}, {2 * time.Minute, 800 * time.Millisecond}, {3 * time.Minute, 12 * time.Second}},
		},
		{name: "hours without a lease change nothing for a clock that agreed", mode: ClockAuto, unsynced: true, leases: live, at: 5 * time.Hour},
		{name: "a day without a lease does", mode: ClockAuto, unsynced: true, leases: live, at: 24 * time.Hour, says: "nobody has been heard"},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := func(d time.Duration) instant { return instant{noon + (d + c.off).Milliseconds(), d} }
			j := judgement{mode: c.mode}
			if c.known != 0 {
				j.known = noon + c.known.Milliseconds()
			}
			for _, l := range c.leases {
				j.lease(at(l.at), noon+(l.at-l.travelled).Milliseconds())
			}
			doubt := j.doubt(at(c.at), !c.unsynced)
			if c.says == "" {
				require.Empty(t, doubt)
				return
			}
			require.Contains(t, doubt, c.says)
		})
	}
}

// stand is a clock under a test's hands.
type stand struct {
	*clock
	at instant
}

func newStand(dir string, synchronised bool) *stand {
	s := &stand{clock: newClock(Config{Dir: dir, Clock: ClockAuto}), at: instant{wall: noon}}
	s.now = func() instant { return s.at }
	s.kernel = func() bool { return synchronised }
	return s
}

func (s *stand) pass(d time.Duration) { s.at.wall += d.Milliseconds(); s.at.mono += d }

func TestAClockThatJumpsIsDoubtedWithinASecondAndToldOf(t *testing.T) {
	s := newStand(t.TempDir(), true)
	for range 3 {
		s.lease(s.at.wall - 50)
		s.pass(time.Minute)
	}
	require.True(t, s.trusted())
	require.Empty(t, s.look("pi-1", []string{"hall"}))
	s.at.wall += time.Hour.Milliseconds() // somebody sets it wrongly
	s.pass(time.Second)
	require.False(t, s.trusted())
	ahead, known := s.offset()
	require.True(t, known)
	require.InDelta(t, time.Hour, ahead, float64(time.Second))
	alerts := s.look("pi-1", []string{"hall", "lab"})
	require.Len(t, alerts, 2)
	require.NoError(t, alerts[0].Validate())
	require.Equal(t, "clock", alerts[0].Kind)
	require.Equal(t, "hall/clock/pi-1", alerts[0].ID)
	require.Contains(t, alerts[0].Evidence, "ahead of those who decide")
	require.Empty(t, s.look("pi-1", []string{"hall", "lab"}), "told once")
	s.at.wall -= time.Hour.Milliseconds()
	s.pass(time.Second)
	require.True(t, s.trusted())
	alerts = s.look("pi-1", []string{"hall", "lab"})
	require.Len(t, alerts, 2)
	require.NotZero(t, alerts[1].EndedMillis)
	require.NoError(t, alerts[1].Validate())
}

func TestTheTimeIsKnownOverAPowerCut(t *testing.T) {
	dir := t.TempDir()
	s := newStand(dir, true)
	s.look("pi-1", nil)
	written := func() string { data, _ := os.ReadFile(filepath.Join(dir, "clock")); return string(data) }
	first := written()
	require.NotEmpty(t, first)
	s.pass(time.Minute)
	s.look("pi-1", nil)
	require.Equal(t, first, written(), "written rarely")
	s.pass(knownEvery)
	s.look("pi-1", nil)
	require.NotEqual(t, first, written())

	s = newStand(dir, true)
	s.at.wall = 5000 // a Pi that begins in 1970
	require.False(t, s.trusted())
	alerts := s.look("pi-1", []string{"hall"})
	require.Len(t, alerts, 1)
	require.NoError(t, alerts[0].Validate(), "even so the alert names a time")
	s.pass(knownEvery)
	before := written()
	s.look("pi-1", []string{"hall"})
	require.Equal(t, before, written(), "a doubted time is not remembered")
	s.at.wall = noon + time.Hour.Milliseconds() // the network has told it
	s.pass(time.Second)
	require.True(t, s.trusted())
	alerts = s.look("pi-1", []string{"hall"})
	require.Len(t, alerts, 1)
	require.NotZero(t, alerts[0].EndedMillis)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "clock"), []byte("half past"), 0o600))
	require.True(t, newStand(dir, true).trusted(), "an unreadable file is forgotten")
}
