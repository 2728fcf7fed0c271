package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/resource"
	"github.com/overcloud/overcloud/internal/snmp"
	"github.com/overcloud/overcloud/internal/snmp/snmptest"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// heard is what pollers said.
type heard struct {
	mu      sync.Mutex
	records []wire.Resource
	alerts  []wire.Alert
}

func (h *heard) listen(p *poller) {
	p.report = func(r wire.Resource) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.records = append(h.records, r)
	}
	p.tell = func(a wire.Alert) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.alerts = append(h.alerts, a)
	}
}

func (h *heard) of(box string) (out []wire.Resource) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.records {
		if r.Box == box {
			out = append(out, r)
		}
	}
	return out
}

func polling(n int, every time.Duration) ([]*poller, *heard) {
	c := Config{Box: "pi-1", IP: "10.0.0.1", ResourceEvery: every, Rooms: []spec.Room{
		{Name: "hall", Boxes: []string{"rack-1", "rack-10"}}, {Name: "attic", Boxes: []string{"rack-1"}},
	}}
	for i := range n {
		c.Targets = append(c.Targets, snmp.Target{Box: fmt.Sprintf("rack-%d", i+1), Host: "192.0.2.1"})
	}
	all, h := pollers(c, nil), &heard{}
	for _, p := range all {
		h.listen(p)
		p.sample = func(context.Context) (resource.Sample, error) { return resource.Sample{At: time.Now()}, nil }
	}
	return all, h
}

// during runs pollers for a time of a bubble.
func during(t *testing.T, all []*poller, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var running sync.WaitGroup
	for _, p := range all {
		running.Go(func() {
			if err := p.run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
}

func TestPollsAreSpreadOverTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, _ := polling(9, 30*time.Second)
		var mu sync.Mutex
		began, at := time.Now(), map[time.Duration]int{}
		for _, p := range all {
			p.sample = func(context.Context) (resource.Sample, error) {
				mu.Lock()
				defer mu.Unlock()
				at[time.Since(began)]++
				return resource.Sample{At: time.Now()}, nil
			}
		}
		during(t, all, 59*time.Second)
		require.Len(t, at, 20, "ten boxes, two polls each, never two at once")
		for i := range 20 {
			require.Equal(t, 1, at[time.Duration(i)*3*time.Second], "%d s", 3*i)
		}
	})
}

func TestABoxThatNeverAnswersDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, h := polling(10, 10*time.Second)
		for i, p := range all {
			switch i {
			case 1, 2:
				p.sample = func(ctx context.Context) (resource.Sample, error) { // silent
					<-ctx.Done()
					return resource.Sample{}, ctx.Err()
				}
			case 3:
				p.sample = func(context.Context) (resource.Sample, error) { // slow: nearly the whole interval
					time.Sleep(9 * time.Second)
					return resource.Sample{At: time.Now()}, nil
				}
			case 4:
				p.sample = func(context.Context) (resource.Sample, error) { // hangs beyond its deadline
					time.Sleep(25 * time.Second)
					return resource.Sample{}, errors.New("late")
				}
			}
		}
		during(t, all, 299*time.Second+500*time.Millisecond)
		for i, p := range all {
			switch i {
			case 1, 2, 4:
				require.Empty(t, h.of(p.box))
			case 3:
				require.GreaterOrEqual(t, len(h.of(p.box)), 14, "a slow one is asked each second interval")
			default:
				require.Len(t, h.of(p.box), 30, "box %s", p.box)
			}
		}
	})
}

func TestASilentBoxIsAskedLessAndAlertedUntilItAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, h := polling(1, 30*time.Second)
		p := all[1]
		began := time.Now()
		var asked []float64
		back := 40 * time.Minute
		p.sample = func(context.Context) (resource.Sample, error) {
			asked = append(asked, time.Since(began).Seconds())
			if passed := time.Since(began); passed > 2*time.Minute && passed < back {
				return resource.Sample{}, errors.New("ask box rack-1: it does not answer")
			}
			return resource.Sample{At: time.Now()}, nil
		}
		during(t, []*poller{p}, time.Hour)

		require.Equal(t, []float64{15, 45, 75, 105, 135, 165, 195}, asked[:7], "at its place while it has just fallen silent")
		want := []float64{60, 120, 240, 300, 300}
		for i, gap := range want {
			require.InDelta(t, gap, asked[7+i]-asked[6+i], gap/10+1e-6, "pause %d", i)
		}
		last := asked[len(asked)-30:]
		for i := 1; i < len(last); i++ {
			require.InDelta(t, 30, last[i]-last[i-1], 1e-6, "back to normal at the first answer")
		}

		require.Len(t, h.alerts, 4, "in both rooms of rack-1, begun and ended once each")
		for i, room := range []string{"hall", "attic"} {
			begun, ended := h.alerts[i], h.alerts[i+2]
			require.NoError(t, begun.Validate())
			require.NoError(t, ended.Validate())
			require.Equal(t, room+"/box/rack-1", begun.ID)
			require.Equal(t, begun.ID, ended.ID)
			require.Equal(t, "box", begun.Kind)
			require.Equal(t, wire.SeverityWarning, begun.Severity)
			require.Equal(t, "box rack-1: no numbers at 3 polls in a row: ask box rack-1: it does not answer", begun.Evidence)
			require.Equal(t, began.Add(195*time.Second).UnixMilli(), begun.BeganMillis)
			require.Equal(t, begun.BeganMillis, ended.BeganMillis)
			require.GreaterOrEqual(t, ended.EndedMillis, began.Add(back).UnixMilli())
			require.Less(t, ended.EndedMillis, began.Add(back+backoffMost*11/10).UnixMilli())
		}
	})
}

func TestTwoSilentPollsAreNoAlert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, h := polling(1, 10*time.Second)
		n := 0
		all[1].sample = func(context.Context) (resource.Sample, error) {
			if n++; n%3 != 0 {
				return resource.Sample{}, errors.New("lost")
			}
			return resource.Sample{At: time.Now()}, nil
		}
		during(t, all[1:], 299*time.Second)
		require.Empty(t, h.alerts)
		require.Len(t, h.of("rack-1"), 10)
	})
}

func TestBoxesThatWentAwayTogetherAreNotAskedTogether(t *testing.T) {
	p := poller{every: time.Second, silence: 20}
	now := time.Now()
	require.InDelta(t, 270, p.next(now, now, 0).Sub(now).Seconds(), 1e-6)
	require.InDelta(t, 330, p.next(now, now, 1).Sub(now).Seconds(), 1e-6)
	p.every = 10 * time.Minute
	require.InDelta(t, 600, p.next(now, now, 0.5).Sub(now).Seconds(), 1e-6, "never more often than its interval")
}

func TestRecordsOfARealPoller(t *testing.T) {
	agent := snmptest.Start(t, "../../internal/snmp/testdata/net-snmp.snmp")
	target, err := snmp.ParseTarget("rack-1", "udp://"+agent.Address()+"?community="+snmptest.Community)
	require.NoError(t, err)
	mute := snmptest.Play(t, "!mute")
	silent, err := snmp.ParseTarget("rack-2", "udp://"+mute.Address())
	require.NoError(t, err)
	all := pollers(Config{Box: "pi-1", IP: "127.0.0.1", ResourceEvery: 100 * time.Millisecond, Targets: []snmp.Target{target, silent}}, nil)
	h := &heard{}
	for _, p := range all {
		h.listen(p)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, p := range all {
		running.Go(func() { _ = p.run(ctx) })
	}
	require.Eventually(t, func() bool { return len(h.of("rack-1")) >= 5 && len(h.of("pi-1")) >= 5 }, 10*time.Second, 10*time.Millisecond)
	cancel()
	running.Wait()
	r := h.of("rack-1")[4]
	require.Equal(t, "snmp", r.Source)
	require.Equal(t, "127.0.0.1", r.IP)
	require.InDelta(t, 0.19, *r.Load1, 1e-9)
	require.Len(t, r.Interfaces, 4)
	require.Len(t, r.Disks, 1)
	require.Empty(t, h.of("rack-2"))
}

func TestNoPollFollowsRightAfterASlowOne(t *testing.T) {
	p, began := &poller{every: 10 * time.Second}, time.Now()
	at := func(passed time.Duration) time.Duration { return p.next(began, began.Add(passed), 0.5).Sub(began) }
	require.Equal(t, 10*time.Second, at(7*time.Second))
	require.Equal(t, 20*time.Second, at(9*time.Second), "it took nearly all of its time")
	require.Equal(t, 20*time.Second, at(10*time.Second))
	p.offset = 3 * time.Second
	require.Equal(t, 13*time.Second, at(4*time.Second), "at its own place")
}
