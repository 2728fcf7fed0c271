package stream

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/ui/state"
	"github.com/overcloud/overcloud/workflows"
)

func TestPatchesMakeTheWholeHoweverTheyAreCut(t *testing.T) {
	for seed := range uint64(8) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			s := store()
			h := hub(s)
			keeper, err := h.Join("", false) // keeps the hub awake
			require.NoError(t, err)
			defer keeper.Leave()
			steady, comer := &page{t: t}, &page{t: t}
			reader, err := h.Join("", false)
			require.NoError(t, err)
			defer reader.Leave()
			steady.take(next(t, reader))
			for range 60 {
				for range random.IntN(6) {
					time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond)
					stir(s, random, time.Now())
				}
				if random.IntN(20) == 0 {
					time.Sleep(4 * time.Minute) // everything grows stale, and the reader falls behind
				}
				// The steady one reads now and then; the other one comes back each time with the ID it had.
				time.Sleep(least + beatEvery)
				synctest.Wait()
				if random.IntN(3) > 0 {
					steady.take(next(t, reader))
					steady.same(looked(t, h, s))
				}
				back, err := h.Join(comer.id, random.IntN(2) == 0)
				require.NoError(t, err)
				comer.take(plain(t, back, next(t, back)))
				back.Leave()
				comer.same(looked(t, h, s))
			}
			require.Equal(t, "state", comer.kinds[0])
			require.NotContains(t, comer.kinds[1:], "state", "who comes back gets only what was missed")
			require.NotContains(t, steady.kinds[1:], "state")
		})
	}
}

// looked is the state when the hub last looked: no change was missed since, but a value may have grown stale.
func looked(t *testing.T, h *Hub, s *state.Store) state.Snapshot {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	require.Equal(t, s.Snapshot(time.Now()).Version, h.snapshot.Version)
	require.LessOrEqual(t, time.Now().UnixMilli()-h.snapshot.Now, beatEvery.Milliseconds())
	return h.snapshot
}

// plain unpacks what a reader got.
func plain(t *testing.T, r *Reader, out []byte) []byte {
	t.Helper()
	if !r.packed {
		return out
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(out))
	require.NoError(t, err)
	text := make([]byte, 1<<20)
	n := 0
	for err == nil && n < len(text) && !bytes.HasSuffix(text[:n], []byte("\n\n")) {
		var more int
		more, err = unpacked.Read(text[n:])
		n += more
	}
	return text[:n]
}

func TestACompressedStreamIsReadAsItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store()
		h := hub(s)
		r, err := h.Join("", true)
		require.NoError(t, err)
		defer r.Leave()
		var sent bytes.Buffer
		sent.Write(next(t, r))
		for i := range 5 {
			s.Reading(wire.Reading{Sensor: 1, At: time.Now(), Celsius: float64(20 + i)})
			sent.Write(next(t, r))
			time.Sleep(time.Second)
		}
		unpacked, err := gzip.NewReader(&sent)
		require.NoError(t, err)
		lines := bufio.NewScanner(unpacked)
		lines.Buffer(nil, 1<<20)
		var events []string
		for lines.Scan() {
			if kind, is := strings.CutPrefix(lines.Text(), "event: "); is {
				events = append(events, kind)
			}
		}
		require.ErrorContains(t, lines.Err(), "unexpected EOF", "the stream has no end")
		require.Equal(t, []string{"state", "patch", "patch", "patch", "patch", "patch"}, events)
	})
}

func TestAnIDOfAnotherProcessMeansTheWhole(t *testing.T) {
	s := store()
	h := hub(s)
	for _, id := range []string{"", "-", "nonsense", "abc-1", h.epoch + "-", h.epoch + "-0", h.epoch + "-99", h.epoch + "--1"} {
		p := &page{t: t}
		r, err := h.Join(id, false)
		require.NoError(t, err)
		p.take(next(t, r))
		r.Leave()
		require.Equal(t, []string{"state"}, p.kinds, id)
		p.same(s.Snapshot(time.Now()))
	}
	other := hub(s)
	require.NotEqual(t, h.epoch, other.epoch)
}

func TestQuietTimesMakeHeartbeatsAndNoPatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store()
		h := hub(s)
		s.Reading(wire.Reading{Sensor: 1, At: time.Now(), Celsius: 24})
		p := &page{t: t}
		r, err := h.Join("", false)
		require.NoError(t, err)
		defer r.Leave()
		for range 13 {
			p.take(next(t, r)) // the state, then a minute of heartbeats
		}
		require.Equal(t, 12, p.beats)
		require.Len(t, p.kinds, 13, "%v", p.kinds)
		for range 8 {
			p.take(next(t, r))
		}
		require.Equal(t, 1, count(p.kinds, "patch"), "the value grew stale: once")
		p.same(s.Snapshot(time.Now()))
	})
}

func count(kinds []string, kind string) (n int) {
	for _, one := range kinds {
		if one == kind {
			n++
		}
	}
	return n
}

func TestManyChangesComeCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store()
		h := hub(s)
		p := &page{t: t}
		r, err := h.Join("", false)
		require.NoError(t, err)
		defer r.Leave()
		p.take(next(t, r))
		began := time.Now()
		s.Reading(wire.Reading{Sensor: 1, At: began, Celsius: 30})
		p.take(next(t, r))
		require.Zero(t, time.Since(began), "the first change waits for nobody")
		for i := range 100 { // 100 a second
			time.Sleep(10 * time.Millisecond)
			s.Reading(wire.Reading{Sensor: 1 + i%3, At: time.Now(), Celsius: float64(i) / 4})
			synctest.Wait()
		}
		time.Sleep(2 * least)
		synctest.Wait()
		p.take(next(t, r))
		require.InDelta(t, 5, count(p.kinds, "patch"), 1)
		p.same(s.Snapshot(time.Now()))
	})
}

func TestWhoFallsBehindGetsOnePatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store()
		h := hub(s)
		p := &page{t: t}
		r, err := h.Join("", false)
		require.NoError(t, err)
		defer r.Leave()
		p.take(next(t, r))
		for i := range 4 * window {
			s.Reading(wire.Reading{Sensor: 1, At: time.Now(), Celsius: float64(i%30) + 1})
			time.Sleep(least)
		}
		synctest.Wait()
		out := next(t, r)
		require.Less(t, len(out), 2000, "it does not grow with what was missed")
		p.take(out)
		require.Equal(t, []string{"state", "patch"}, p.kinds)
		p.same(s.Snapshot(time.Now()))
	})
}

func TestWhatHasGoneIsNotRememberedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store()
		h := hub(s)
		r, err := h.Join("", false)
		require.NoError(t, err)
		defer r.Leave()
		old := h.id()
		for round := range 3 {
			status := workflows.Status{Service: "s"}
			for i := range goneMost/2 + 1 {
				status.Boxes = append(status.Boxes, workflows.BoxStatus{Name: fmt.Sprintf("%d-%d", round, i)})
			}
			s.Service(status)
			next(t, r)
			time.Sleep(least)
			synctest.Wait()
		}
		s.Service(workflows.Status{Service: "s"})
		time.Sleep(least)
		synctest.Wait()
		h.mu.Lock()
		parts := len(h.parts)
		h.mu.Unlock()
		require.Less(t, parts, goneMost)
		p := &page{t: t}
		back, err := h.Join(old, false)
		require.NoError(t, err)
		defer back.Leave()
		p.take(next(t, back))
		require.Equal(t, []string{"state"}, p.kinds, "who does not know what has gone gets the whole")
		p.same(s.Snapshot(time.Now()))
	})
}

func TestAStopAndAnEndedRequestEndAReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub(store())
		stopping := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		var ended sync.WaitGroup
		for i := range 200 {
			ended.Go(func() {
				r, err := h.Join("", i%2 == 0)
				if err != nil {
					t.Error(err)
					return
				}
				defer r.Leave()
				mine := ctx
				if i%4 == 0 {
					mine = t.Context()
				}
				for err == nil {
					_, err = r.Next(mine, stopping, nil)
				}
				if err != ErrEnded { //nolint:errorlint // returned bare
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		require.Equal(t, 200, h.Readers())
		cancel()
		synctest.Wait()
		require.Equal(t, 50, h.Readers())
		close(stopping)
		ended.Wait()
		require.Zero(t, h.Readers())
		require.Nil(t, h.quit, "nobody looks out any more: the test would not end otherwise")
	})
}
