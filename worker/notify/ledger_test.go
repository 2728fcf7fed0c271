package notify

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/wire"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// night is a ledger with a clock, and what its people were told.
type night struct {
	t      *testing.T
	ledger *ledger
	now    time.Time
	record []func(*ledger) // all that was said, to be said again after a restart
	told   []string
	notes  []wire.Notice
}

func newNight(t *testing.T, rules Rules) *night {
	n := &night{t: t, ledger: newLedger("mail", rules), now: noon}
	n.ledger.due(n.now) // the start is over
	return n
}

func (n *night) say(change func(*ledger)) {
	n.record = append(n.record, change)
	change(n.ledger)
}

func alert(id, severity string, began time.Time) wire.Alert {
	parts := strings.SplitN(id, "/", 3)
	return wire.Alert{
		ID: id, Room: parts[0], Kind: parts[1], Severity: severity, BeganMillis: began.UnixMilli(), Evidence: "inlet 31.2 °C", Source: "control",
	}
}

func (n *night) begin(id, severity string) {
	a, at := alert(id, severity, n.now), n.now
	n.say(func(l *ledger) { l.alert(a, at) })
}

func (n *night) end(id string) {
	a, at := n.ledger.matters[id].alert, n.now
	a.EndedMillis = at.UnixMilli()
	n.say(func(l *ledger) { l.alert(a, at) })
}

func (n *night) answer(id, kind string, until time.Duration) {
	at := n.now
	a := wire.Answer{Room: "lab", Alert: id, Kind: kind, Who: "kim", TimeMillis: at.UnixMilli()}
	if until > 0 {
		a.UntilMillis = at.Add(until).UnixMilli()
	}
	require.NoError(n.t, a.Validate())
	n.say(func(l *ledger) { l.answer(a, at) })
}

// pass lets time pass, in which every notice is taken at once.
func (n *night) pass(d time.Duration) {
	for end := n.now.Add(d); ; {
		n.drain()
		if !n.now.Before(end) {
			return
		}
		_, next := n.ledger.due(n.now)
		n.now = earliest(latest(next, n.now.Add(time.Second)), end)
	}
}

func (n *night) drain() {
	for {
		notice, _ := n.ledger.due(n.now)
		if notice == nil {
			return
		}
		require.NoError(n.t, notice.Validate())
		words := n.ledger.words("s", *notice, n.now)
		taken, at := *notice, n.now
		taken.State = wire.NoticeTold
		n.told = append(n.told, fmt.Sprintf("%s %s", at.Sub(noon), words.Subject))
		n.notes = append(n.notes, taken)
		n.say(func(l *ledger) { l.notice(taken, at) })
	}
}

func (n *night) want(told ...string) {
	n.t.Helper()
	if len(told) == 0 {
		require.Empty(n.t, n.told)
	} else {
		require.Equal(n.t, told, n.told)
	}
	n.told = nil
	// Whoever reads back all that was said knows the same, and has nothing to tell.
	again := newLedger("mail", n.ledger.rules)
	for _, change := range n.record {
		change(again)
	}
	notice, _ := again.due(n.now)
	require.Nil(n.t, notice, "after a restart nothing is told again")
	for id, m := range n.ledger.matters {
		a, b := *m, *again.matters[id]
		require.Equal(n.t, [...]any{a.told, a.lasts, a.severity, a.times, a.acked != nil, a.flapTold, a.last}, [...]any{b.told, b.lasts, b.severity, b.times, b.acked != nil, b.flapTold, b.last})
	}
}

func TestAnAlertIsToldAgainUntilSomebodyAnswersOrItEnds(t *testing.T) {
	n := newNight(t, Rules{})
	n.begin("lab/high", wire.SeverityHigh)
	n.pass(5 * time.Second)
	n.begin("lab/high", wire.SeverityHigh) // said again, with what is seen now
	n.pass(time.Minute)
	n.want("10s [s] HIGH: high in lab")
	n.pass(3 * time.Hour)
	n.want("1h0m10s [s] STILL HIGH: high in lab, for 1 h 0 min", "2h0m10s [s] STILL HIGH: high in lab, for 2 h 0 min", "3h0m10s [s] STILL HIGH: high in lab, for 3 h 0 min")
	n.answer("lab/high", wire.AnswerAcknowledge, 0)
	n.pass(48 * time.Hour)
	n.want()
	n.end("lab/high")
	n.pass(time.Minute)
	n.want("51h1m15s [s] ENDED: high in lab")
	n.begin("lab/high", wire.SeverityHigh)
	n.pass(2 * time.Hour)
	n.want("51h2m15s [s] HIGH: high in lab", "52h2m15s [s] STILL HIGH: high in lab, for 1 h 0 min")
}

func TestSeveritiesHaveTheirOwnPatience(t *testing.T) {
	for severity, want := range map[string]int{wire.SeverityCritical: 4*24 + 1, wire.SeverityHigh: 24 + 1, wire.SeverityWarning: 2 + 1} {
		n := newNight(t, Rules{})
		n.begin("lab/limit", severity)
		n.pass(24*time.Hour + time.Minute)
		require.Len(t, n.told, want, severity)
	}
}

func TestWorseIsToldAtOnceAlsoToWhoAcknowledged(t *testing.T) {
	n := newNight(t, Rules{})
	n.begin("lab/disk/a", wire.SeverityWarning)
	n.pass(time.Minute)
	n.answer("lab/disk/a", wire.AnswerAcknowledge, 0)
	n.pass(time.Hour)
	n.want("30s [s] WARNING: disk a in lab")
	n.begin("lab/disk/a", wire.SeverityCritical)
	n.pass(20 * time.Minute)
	n.want("1h1m0s [s] CRITICAL: disk a in lab", "1h16m0s [s] STILL CRITICAL: disk a in lab, for 1 h 16 min")
}

func TestACriticalAlertThatNobodyAnswersIsEscalated(t *testing.T) {
	n := newNight(t, Rules{Escalate: 20 * time.Minute})
	n.begin("lab/critical", wire.SeverityCritical)
	n.pass(40 * time.Minute)
	require.Equal(t, []string{"began", "lasts", "escalated", "escalated"}, events(n.notes))
	n.want("2s [s] CRITICAL: critical in lab", "15m2s [s] STILL CRITICAL: critical in lab, for 15 min 2 s",
		"20m2s [s] CRITICAL AND NOBODY ANSWERS: critical in lab, for 20 min 2 s", "35m2s [s] CRITICAL AND NOBODY ANSWERS: critical in lab, for 35 min 2 s")
	n.answer("lab/critical", wire.AnswerAcknowledge, 0)
	n.pass(5 * time.Hour)
	n.want()
}

func events(notes []wire.Notice) []string {
	var out []string
	for _, n := range notes {
		out = append(out, n.Matters[0].Event)
	}
	return out
}

func TestAShelvedAlertIsNotToldUntilItsTime(t *testing.T) {
	n := newNight(t, Rules{})
	n.begin("lab/limit", wire.SeverityHigh)
	n.pass(time.Minute)
	n.told = nil
	n.answer("lab/limit", wire.AnswerShelve, 2*time.Hour)
	for range 3 { // it ends and begins again
		n.pass(20 * time.Minute)
		n.end("lab/limit")
		n.pass(10 * time.Minute)
		n.begin("lab/limit", wire.SeverityHigh)
	}
	n.pass(29 * time.Minute)
	n.want()
	n.pass(2 * time.Minute)
	n.want("2h1m0s [s] STILL HIGH: limit in lab, for 30 min 0 s")
	n.answer("lab/limit", wire.AnswerShelve, 5*time.Hour)
	n.pass(time.Hour)
	n.answer("lab/limit", wire.AnswerUnshelve, 0)
	n.pass(61 * time.Minute)
	n.want("4h2m0s [s] STILL HIGH: limit in lab, for 2 h 31 min")
}

func TestFlappingIsToldOnceAndItsEndWhenItIsQuiet(t *testing.T) {
	n := newNight(t, Rules{})
	for range 40 {
		n.begin("lab/sensor/1", wire.SeverityWarning)
		n.pass(time.Minute)
		n.end("lab/sensor/1")
		n.pass(2 * time.Minute)
	}
	require.Equal(t, []string{"began", "ended", "began", "ended", "began", "ended", "began", "ended", "flapping"}, events(n.notes))
	n.pass(time.Hour)
	last := n.notes[len(n.notes)-1]
	require.Equal(t, EventEnded, last.Matters[0].Event)
	require.Len(t, n.told, 10)
	require.Equal(t, noon.Add(118*time.Minute+30*time.Minute).UnixMilli(), last.TimeMillis, "30 min after the last change")
	n.told = nil
	n.begin("lab/sensor/1", wire.SeverityWarning)
	n.pass(time.Minute)
	require.Len(t, n.told, 1, "an ordinary alert again")
}

func TestFlappingSaysHowOften(t *testing.T) {
	n := newNight(t, Rules{FlapMost: 2})
	for range 10 {
		n.begin("lab/sensor/1", wire.SeverityWarning)
		n.pass(time.Minute)
		n.end("lab/sensor/1")
		n.pass(time.Minute)
	}
	words := n.ledger.matters["lab/sensor/1"].says(EventEnded, n.now)
	require.Equal(t, "inlet 31.2 °C (it began 10 times in 19 min 0 s, and is quiet since 2026-11-23 12:19:00 UTC)", words)
	// One that stays is an ordinary alert that lasts.
	n.begin("lab/sensor/1", wire.SeverityWarning)
	n.told = nil
	n.pass(31 * time.Minute)
	require.Len(t, n.told, 1)
	require.Contains(t, n.told[0], "STILL WARNING")
}

func TestAStormIsOneNoticeLedByTheWorst(t *testing.T) {
	n := newNight(t, Rules{})
	for i := range 30 {
		n.begin(fmt.Sprintf("lab/box-silent/box-%02d", i), wire.SeverityWarning)
	}
	n.pass(time.Second)
	n.begin("lab/critical", wire.SeverityCritical)
	n.pass(time.Minute)
	n.want("3s [s] CRITICAL: 31 alerts in lab (critical, box-silent)")
	require.Equal(t, "lab/critical", n.notes[0].Matters[0].Alert)
	for i := range 30 {
		n.end(fmt.Sprintf("lab/box-silent/box-%02d", i))
		n.pass(time.Second)
	}
	n.pass(time.Minute)
	require.Len(t, n.told, 1, "%v", n.told)
	require.Contains(t, n.told[0], "ENDED: 30 alerts in lab (box-silent)")
}

func TestOneCauseInManyRoomsIsOneNotice(t *testing.T) {
	n := newNight(t, Rules{})
	for i := range 40 {
		n.begin(fmt.Sprintf("room-%02d/no-orders/pi", i), wire.SeverityHigh)
	}
	n.begin("room-07/warm", wire.SeverityWarning)
	n.pass(3 * time.Minute)
	require.Len(t, n.told, 2, "%v", n.told)
	require.Contains(t, n.told[0], "HIGH: 40 alerts in room-00, room-01, room-02 and 37 more rooms (no-orders)")
	require.Contains(t, n.told[1], "WARNING: warm in room-07")
}

func TestThousandsOfAlertsFitIntoFewNotices(t *testing.T) {
	n := newNight(t, Rules{})
	for i := range 5000 {
		n.begin(fmt.Sprintf("room-%04d/stale", i), wire.SeverityHigh)
	}
	n.pass(time.Minute)
	require.Len(t, n.told, 10)
	words := n.ledger.words("s", n.notes[0], n.now)
	require.Less(t, len(words.Text), 20_000)
	require.Contains(t, words.Text, "and 450 more")
}

func TestQuietHoursHoldWarningsAndNothingElse(t *testing.T) {
	hours, err := ParseHours("22:00-07:00", "Asia/Seoul") // noon UTC is 21:00 there
	require.NoError(t, err)
	n := newNight(t, Rules{Quiet: hours, Warning: time.Hour})
	n.begin("lab/warm", wire.SeverityWarning)
	n.pass(90 * time.Minute)
	n.begin("hall/warm", wire.SeverityWarning)
	n.begin("hall/critical", wire.SeverityCritical)
	n.pass(time.Minute)
	n.want("30s [s] WARNING: warm in lab", "1h30m2s [s] CRITICAL: critical in hall")
	n.answer("hall/critical", wire.AnswerAcknowledge, 0)
	n.pass(12 * time.Hour)
	require.Contains(t, n.told[0], "10h0m0s", "07:00 in Seoul")
	for _, bad := range []string{"22:00", "22-7", "25:00-07:00", "07:00-07:00"} {
		_, err := ParseHours(bad, "")
		require.Error(t, err, bad)
	}
	_, err = ParseHours("22:00-07:00", "Mars/Olympus")
	require.ErrorContains(t, err, "time zone")
}

func TestAChannelHearsOnlyOfWhatIsSevereEnough(t *testing.T) {
	n := newNight(t, Rules{From: wire.SeverityHigh})
	n.begin("lab/warm", wire.SeverityWarning)
	n.pass(24 * time.Hour)
	n.end("lab/warm")
	n.pass(time.Minute)
	n.want()
	n.begin("lab/disk/a", wire.SeverityWarning)
	n.pass(time.Minute)
	n.begin("lab/disk/a", wire.SeverityHigh)
	n.pass(time.Minute)
	n.end("lab/disk/a")
	n.pass(time.Minute)
	n.want("24h2m0s [s] HIGH: disk a in lab", "24h3m10s [s] ENDED: disk a in lab")
}

func TestWhatWasNeverToldAndIsOverForLongIsNoNews(t *testing.T) {
	n := newNight(t, Rules{})
	old, recent := alert("lab/high/1", wire.SeverityHigh, noon.Add(-5*time.Hour)), alert("lab/high/2", wire.SeverityHigh, noon.Add(-20*time.Minute))
	lasts := alert("lab/high/3", wire.SeverityHigh, noon.Add(-30*time.Hour))
	warning := alert("lab/warm", wire.SeverityWarning, noon.Add(-20*time.Minute))
	stranger := alert("lab/high/4", wire.SeverityHigh, noon.Add(-300*time.Hour))
	fresh := newLedger("mail", Rules{})
	for _, a := range []wire.Alert{old, recent, lasts, warning} {
		fresh.alert(a, time.UnixMilli(a.BeganMillis))
	}
	for _, a := range []wire.Alert{old, recent, warning, stranger} {
		ended := time.UnixMilli(a.BeganMillis).Add(time.Minute)
		a.EndedMillis = ended.UnixMilli()
		fresh.alert(a, ended)
	}
	n.ledger = fresh
	n.pass(time.Minute)
	require.Len(t, n.notes, 1, "one notice after a start")
	var told []string
	for _, m := range n.notes[0].Matters {
		told = append(told, m.Alert+" "+m.Event)
	}
	require.Equal(t, []string{"lab/high/3 began", "lab/high/2 ended"}, told)
}

func TestANoticeOnItsWayStaysTheSameOverARestart(t *testing.T) {
	n := newNight(t, Rules{})
	n.begin("lab/high", wire.SeverityHigh)
	n.begin("lab/warm", wire.SeverityWarning)
	n.now = n.now.Add(time.Minute)
	trying, _ := n.ledger.due(n.now)
	require.NotNil(t, trying)
	copied, at := *trying, n.now
	n.say(func(l *ledger) { l.notice(copied, at) }) // it is in the journal, and the process ends here
	n.now = n.now.Add(time.Minute)
	n.begin("lab/critical", wire.SeverityCritical)
	again := newLedger("mail", Rules{})
	for _, change := range n.record {
		change(again)
	}
	same, _ := again.due(n.now)
	require.Equal(t, copied.ID, same.ID)
	require.Equal(t, copied.Matters, same.Matters)
	told := *same
	told.State = wire.NoticeTold
	again.notice(told, n.now)
	next, _ := again.due(n.now.Add(3 * time.Second))
	require.Equal(t, "lab/critical", next.Matters[0].Alert)
	require.Len(t, next.Matters, 1, "the others are told")
}

func TestAServerThatIsAwayForHoursHearsWhatIsSoThen(t *testing.T) {
	n := newNight(t, Rules{})
	n.begin("lab/high/1", wire.SeverityHigh)
	n.now = n.now.Add(time.Minute)
	first, _ := n.ledger.due(n.now)
	require.NotNil(t, first)
	n.end("lab/high/1")
	n.begin("lab/high/2", wire.SeverityHigh)
	n.now = n.now.Add(5 * time.Hour)
	now, _ := n.ledger.due(n.now)
	require.Len(t, now.Matters, 1)
	require.Equal(t, "lab/high/2", now.Matters[0].Alert, "the other is over for hours and was never told")
}

// Whatever happens, people who read their mail know what lasts: the last word on an alert is right.
func TestTheLastWordIsRight(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 1))
		n := newNight(t, Rules{FlapMost: 3, FlapQuiet: 10 * time.Minute})
		lasts := map[string]bool{}
		for range 150 {
			id := fmt.Sprintf("room-%d/kind/%d", random.IntN(2), random.IntN(3))
			switch {
			case random.IntN(10) == 0:
				kind := []string{wire.AnswerAcknowledge, wire.AnswerShelve, wire.AnswerUnshelve}[random.IntN(3)]
				n.answer(id, kind, map[bool]time.Duration{true: time.Duration(1+random.IntN(60)) * time.Minute}[kind == wire.AnswerShelve])
			case lasts[id]:
				n.end(id)
				lasts[id] = false
			default:
				n.begin(id, []string{wire.SeverityWarning, wire.SeverityHigh, wire.SeverityCritical}[random.IntN(3)])
				lasts[id] = true
			}
			n.now = n.now.Add(time.Millisecond)
			if random.IntN(3) > 0 {
				n.pass(time.Duration(random.IntN(600)) * time.Second)
			}
			if random.IntN(10) == 0 { // killed and read back
				again := newLedger("mail", n.ledger.rules)
				for _, change := range n.record {
					change(again)
				}
				n.ledger = again
			}
		}
		n.pass(3 * time.Hour) // shelvings end, flapping calms down
		known, ids := map[string]string{}, map[string]bool{}
		for _, note := range n.notes {
			require.False(t, ids[note.ID], "seed %d: %s was told twice", seed, note.ID)
			ids[note.ID] = true
			for _, m := range note.Matters {
				known[m.Alert] = m.Event
			}
		}
		for id, m := range n.ledger.matters {
			require.Equal(t, lasts[id], known[id] != "" && known[id] != EventEnded, "seed %d: %s is %q, %+v", seed, id, known[id], m)
		}
	}
}
