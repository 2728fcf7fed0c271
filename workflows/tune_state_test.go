package workflows

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// TestRandomMessages throws messages of people, rules and edges at a room, good and bad, and checks after each
// one what must always hold.
func TestRandomMessages(t *testing.T) {
	for seed := range uint64(15) {
		random := rand.New(rand.NewPCG(seed, 3))
		in := coldAisle()
		run := &tuning{in: in, state: newTuneState(in, nine)}
		s, now := &run.state, nine
		revisions := map[string]int64{}
		s.settle(now)
		for step := range 300 {
			now = now.Add(time.Duration(random.IntN(600)) * time.Second)
			before := clone(t, *s)
			if err := throw(random, run, now); err != nil {
				before.Seen = s.Seen // a resume may note an ID
				revised(&before, *s) // and a refused recommendation may tell of a revision
				require.Equal(t, before, clone(t, *s), "seed %d: refused (%v), but something changed", seed, err)
			}
			s.settle(now)
			checkTuning(t, fmt.Sprintf("seed %d step %d", seed, step), s, now, revisions)
			for _, record := range s.untold(now) {
				if random.IntN(3) > 0 {
					s.told(record, now)
				}
			}
		}
	}
}

func throw(random *rand.Rand, run *tuning, now time.Time) error {
	s := &run.state
	ac := []string{"ac1", "ac2", "ac9"}[random.IntN(5)%3]
	switch random.IntN(8) {
	case 0:
		return s.takeOverride(now, Override{
			AC: ac, Setpoint: 14 + random.IntN(18), For: spec.Duration(time.Duration(random.IntN(90)-2) * time.Minute),
			Who: []string{"Ada", "Bob", ""}[random.IntN(3)], Why: "why", ID: []string{"", fmt.Sprint(random.IntN(30))}[random.IntN(2)],
			Priority: []string{"", "low", "normal", "high", "highest"}[random.IntN(5)],
		})
	case 1:
		_, err := s.takeResume(now, ResumeRequest{AC: []string{"", ac}[random.IntN(2)], ID: []string{"", fmt.Sprint(random.IntN(30))}[random.IntN(2)]})
		return err
	case 2:
		p := s.Policy
		p.SetpointMax = 20 + random.IntN(12)
		p.BandLow = 24 + float64(random.IntN(4))
		_, err := run.takePolicy(now, PolicyRequest{Policy: wire.Encode(p), Reset: random.IntN(4) == 0})
		return err
	case 3, 4:
		r := Recommendation{AC: ac, Setpoint: 16 + random.IntN(14), Inlet: 20 + 14*random.Float64(), Emergency: random.IntN(4) == 0, Reason: "rules"}
		if known := s.find(ac); known != nil && random.IntN(2) == 0 {
			r.Setpoint = known.Auto + random.IntN(4) - 2
		}
		if known := s.find(ac); known != nil && r.Emergency && random.IntN(2) == 0 {
			r.Revision = nextRevision(known.Revision, now) + int64(random.IntN(3)) - 1
			r.CommandID = fmt.Sprintf("control-%d", r.Revision)
		}
		return s.takeRecommendation(now, r)
	case 5:
		a := wire.Ack{ID: "c", Room: "hall", AC: ac, Power: random.IntN(5) > 0, Setpoint: 18 + random.IntN(9), TimeMillis: now.UnixMilli()}
		a.State = []string{wire.AckSent, wire.AckConfirmed, wire.AckRejected, "eh"}[random.IntN(4)]
		a.Source = []string{"command", "refresh", ackFailSafe, ackHandRemote}[random.IntN(4)]
		if known := s.find(ac); known != nil {
			a.Revision = known.Revision + int64(random.IntN(3)) - 1
			if random.IntN(2) == 0 {
				a.Setpoint = known.Desired
			}
		}
		return s.takeAck(now, a)
	case 6:
		alert := fmt.Sprintf("hall/spool/pi-%d", random.IntN(5))
		if random.IntN(2) == 0 {
			a := dry(now)
			if a.ID = alert; random.IntN(3) == 0 {
				a.EndedMillis = a.BeganMillis
			}
			return s.takeAlert(a)
		}
		r := AnswerRequest{Alert: alert, Who: []string{"Ada", ""}[random.IntN(4)/3]}
		kind := []string{UpdateAcknowledge, UpdateShelve, UpdateUnshelve}[random.IntN(3)]
		if kind == UpdateShelve {
			r.For = spec.Duration(time.Duration(random.IntN(60)) * time.Minute)
		}
		_, err := s.takeAnswer(now, kind, r)
		return err
	}
	room := coldAisle().Room
	room.AirConditioners[0].Max = 24 + random.IntN(7)
	return run.takeRoom(now, room)
}

// revised copies what a refused recommendation may teach.
func revised(before *TuneState, after TuneState) {
	for i := range before.ACs {
		if a, b := &before.ACs[i], after.ACs[i]; b.Revision > a.Revision {
			a.Revision, a.Told, a.Attempts, a.Due = b.Revision, b.Told, b.Attempts, b.Due
		}
	}
}

func checkTuning(t *testing.T, at string, s *TuneState, now time.Time, revisions map[string]int64) {
	t.Helper()
	for i := range s.ACs {
		ac := &s.ACs[i]
		require.True(t, s.limits(ac).Holds(ac.Desired), "%s: %d is outside %s", at, ac.Desired, s.limits(ac))
		require.GreaterOrEqual(t, ac.Revision, revisions[ac.Name], at)
		revisions[ac.Name] = ac.Revision
		require.LessOrEqual(t, len(ac.Overrides), mostOverrides+2)
		holding, high := 0, false
		for n, o := range ac.Overrides {
			require.True(t, o.Until.After(now), at)
			require.True(t, n == 0 || ac.Overrides[n-1].priority() >= o.priority(), "%s: the queue is in order", at)
			beaten := !s.limits(ac).Holds(o.Setpoint) || ac.Emergency && o.Setpoint > s.limits(ac).Clamp(ac.Auto)
			require.Equal(t, !beaten && !high, o.Suspended == "", "%s: the first one that nothing beats holds, and no other: %+v", at, o)
			high = high || !beaten
			if o.Suspended == "" {
				holding++
				require.Equal(t, o.Setpoint, ac.Desired, at)
				require.False(t, ac.Emergency && o.Setpoint > s.limits(ac).Clamp(ac.Auto), "%s: an emergency beats what is warmer", at)
			}
		}
		require.LessOrEqual(t, holding, 1, at)
		if ac.Told == ac.Revision && !ac.obeys() {
			require.False(t, ac.Due.IsZero(), "%s: %s does not obey and nobody will tell it again", at, ac.Name)
		}
		require.False(t, ac.overdue(now), at)
	}
	for _, a := range s.Answers {
		require.True(t, a.Kind == wire.AnswerAcknowledge && s.lasts(a.Alert) || a.Kind == wire.AnswerShelve && a.Until.After(now), "%s: %+v", at, a)
	}
	require.LessOrEqual(t, len(s.Answers), mostAnswers)
	require.LessOrEqual(t, len(s.Unsaid), mostUnsaid)
	require.LessOrEqual(t, len(s.Rejected), mostRejected)
	require.LessOrEqual(t, len(s.Audit), mostAudit)
	require.LessOrEqual(t, len(s.Seen), mostSeen)
	for _, record := range s.untold(now) {
		switch {
		case record.command != nil:
			require.NoError(t, record.command.Validate(), at)
		case record.alert != nil:
			require.NoError(t, record.alert.Validate(), at)
		case record.answer != nil:
			require.NoError(t, record.answer.Validate(), at)
		}
	}
	intent := s.intent(now)
	intent.Revision = 1
	require.NoError(t, intent.Validate(), at)
	require.Less(t, len(wire.Encode(s)), 256<<10, "it fits a payload many times over")
}

func clone(t *testing.T, s TuneState) TuneState {
	t.Helper()
	data, err := json.Marshal(s)
	require.NoError(t, err)
	var copied TuneState
	require.NoError(t, json.Unmarshal(data, &copied))
	return copied
}

func TestLongTextsAreClipped(t *testing.T) {
	long := make([]byte, 2000)
	for i := range long {
		long[i] = 'x'
	}
	require.Less(t, len(clip(string(long))), 510)
	in := coldAisle()
	s := newTuneState(in, nine)
	o := halfHour("ac1", 20)
	o.Why = string(long)
	require.EqualError(t, s.takeOverride(nine, o), "why must be at most 500 bytes long")
}
