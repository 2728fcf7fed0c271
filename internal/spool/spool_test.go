package spool

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func open(t *testing.T, dir string, o Options) *Spool {
	t.Helper()
	s, err := Open(dir, o)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func put(t *testing.T, s *Spool, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		require.NoError(t, s.Append(numbered(i)))
	}
}

func numbered(i int) Record {
	return Record{Key: []byte("room"), Value: []byte(strconv.Itoa(i)), Time: time.UnixMilli(int64(1000 + i))}
}

func values(b *Batch) []string {
	var out []string
	for _, r := range b.Records {
		out = append(out, string(r.Value))
	}
	return out
}

func drain(t *testing.T, s *Spool) []string {
	t.Helper()
	var out []string
	for {
		b, err := s.Read(7)
		require.NoError(t, err)
		if len(b.Records) == 0 {
			return out
		}
		out = append(out, values(b)...)
		require.NoError(t, s.Ack(b, nil))
	}
}

func count(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, strconv.Itoa(i))
	}
	return out
}

func segments(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"+segmentEnding))
	require.NoError(t, err)
	sort.Strings(paths)
	return paths
}

func TestKeepsEverythingOfARecord(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	want := Record{
		Key: []byte("k"), Value: []byte("v"), Time: time.UnixMilli(1_790_000_000_123),
		Headers: map[string]string{"quality": "bad", "reason": "step of 9 K"},
	}
	require.NoError(t, s.Append(want))
	b, err := s.Read(10)
	require.NoError(t, err)
	require.Equal(t, []Record{want}, b.Records)
	again, err := s.Read(10)
	require.NoError(t, err)
	require.Equal(t, b.Records, again.Records, "reading takes nothing off")
	require.NoError(t, s.Ack(b, nil))
	require.Zero(t, s.Stats().Depth)
}

func TestReopenGoesOnWhereItWasAcknowledged(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{SegmentBytes: 200})
	put(t, s, 0, 50)
	b, err := s.Read(13)
	require.NoError(t, err)
	require.NoError(t, s.Ack(b, nil))
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Append(Record{}), ErrClosed)

	s = open(t, dir, Options{SegmentBytes: 200})
	require.Equal(t, 37, s.Stats().Depth)
	require.Equal(t, time.UnixMilli(1013), s.Stats().Oldest)
	put(t, s, 50, 60)
	require.Equal(t, count(13, 60), drain(t, s))
	require.Empty(t, s.Damages())
	require.Len(t, segments(t, dir), 1, "delivered segments are deleted")
}

// inMemory is a temporary folder in memory where there is such: tests with thousands of files take minutes on a disk.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "spool")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// mixed are readings, marked ones, and long JSON values that resemble each other.
func mixed(i int) Record {
	at := time.UnixMilli(1_790_000_000_000 + int64(i)*997)
	r := Record{Key: []byte("hall"), Time: at, Value: fmt.Appendf(nil, "%d,%d,41.5,23.%d", at.UnixMilli(), i%4, i)}
	switch i % 5 {
	case 1:
		r.Headers = map[string]string{"quality": "bad", "reason": fmt.Sprintf("step of %d K", i)}
	case 3:
		r.Key = fmt.Appendf(nil, "box-%d", i%3)
		r.Value = fmt.Appendf(nil, `{"box":"box-%d","time_ms":%d,"source":"snmp","cpu_percent":%d.25,"interfaces":[{"name":"eth0","in_bytes":%d,"out_bytes":%d,"in_errors":0,"out_errors":0}]}`,
			i%3, at.UnixMilli(), i, i*7919, i*104729)
	}
	return r
}

func TestRecordsAreShortOnDisk(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	for i := range 1000 { // learn
		require.NoError(t, s.Append(mixed(i)))
	}
	size := func(r func(int) Record) int64 {
		before := s.Stats().Written
		for i := range 100 {
			require.NoError(t, s.Append(r(1000+i)))
		}
		return int64(s.Stats().Written-before) / 100
	}
	require.LessOrEqual(t, size(func(i int) Record { return mixed(i * 5) }), int64(22), "a reading of 26 bytes, with its checksum")
	require.LessOrEqual(t, size(func(i int) Record { return mixed(3 + i*5) }), int64(80), "a JSON value of 170 bytes")
}

func TestNextReadsOnWithoutAnAcknowledgement(t *testing.T) {
	s := open(t, t.TempDir(), Options{SegmentBytes: 300})
	put(t, s, 0, 100)
	one, two := &Batch{}, &Batch{}
	require.NoError(t, s.Next(one, nil, 30, 1<<20))
	require.NoError(t, s.Next(two, one, 30, 1<<20))
	require.Equal(t, count(0, 30), values(one))
	require.Equal(t, count(30, 60), values(two))
	require.NoError(t, s.Ack(one, []byte("a")))
	require.NoError(t, s.Next(one, two, 100, 1<<20))
	require.Equal(t, count(60, 100), values(one))
	require.NoError(t, s.Ack(two, []byte("b")))
	require.NoError(t, s.Next(two, one, 10, 1<<20))
	require.Empty(t, two.Records)
	put(t, s, 100, 102)
	require.NoError(t, s.Next(two, one, 10, 1<<20))
	require.Equal(t, count(100, 102), values(two))
	require.NoError(t, s.Next(two, nil, 100, 5))
	require.Less(t, len(two.Records), 10, "bounded by bytes")
	require.Equal(t, "60", values(two)[0])
}

func TestTheNoteIsThereAfterARestart(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	require.Empty(t, s.Note())
	require.NoError(t, s.SetNote([]byte("first")))
	put(t, s, 0, 5)
	b, err := s.Read(2)
	require.NoError(t, err)
	require.NoError(t, s.Ack(b, []byte("second")))
	require.Error(t, s.SetNote(make([]byte, MaxNote+1)))
	require.NoError(t, s.Close())

	// A power cut within the last write leaves the slot before it.
	path := filepath.Join(dir, ackName)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	s = open(t, dir, Options{})
	require.Equal(t, "second", string(s.Note()))
	require.Equal(t, count(2, 5), drain(t, s))
	require.NoError(t, s.Close())
	for at := slotBytes; at < len(data); at++ {
		torn := bytes.Clone(data)
		torn[at] ^= 1
		require.NoError(t, os.WriteFile(path, torn, 0o600))
		a, err := openAck(dir)
		require.NoError(t, err)
		require.Equal(t, "first", string(a.note))
		require.NoError(t, a.close())
	}
}

func TestLostAckFileDeliversAgain(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	put(t, s, 0, 10)
	b, err := s.Read(4)
	require.NoError(t, err)
	require.NoError(t, s.Ack(b, nil))
	require.NoError(t, s.Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, ackName), []byte("nonsense"), 0o600))
	s = open(t, dir, Options{})
	require.Equal(t, count(0, 10), drain(t, s))
	require.Len(t, s.Damages(), 1)
}

func TestBoundDropsOldestAndCounts(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{MaxBytes: 2000, SegmentBytes: 300})
	outstanding := &Batch{}
	for i := range 500 {
		require.NoError(t, s.Append(numbered(i)))
		require.LessOrEqual(t, s.Stats().Bytes, int64(2000))
		if i == 20 {
			var err error
			outstanding, err = s.Read(5)
			require.NoError(t, err)
		}
	}
	require.NoError(t, s.Ack(outstanding, nil), "a batch dropped meanwhile")
	stats := s.Stats()
	require.EqualValues(t, 500, stats.Dropped+uint64(stats.Depth))
	require.Greater(t, stats.Depth, 40)
	got := drain(t, s)
	require.Equal(t, count(500-stats.Depth, 500), got, "the newest stay, in order")
}

func TestTooLongRecordIsRefused(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	require.Error(t, s.Append(Record{Value: make([]byte, maxRecordBytes+1)}))
	put(t, s, 0, 1)
	require.Equal(t, count(0, 1), drain(t, s))
}

func TestTwoSpoolsAreIndependent(t *testing.T) {
	dir := t.TempDir()
	one, two := open(t, filepath.Join(dir, "temp"), Options{}), open(t, filepath.Join(dir, "ack"), Options{})
	put(t, one, 0, 3)
	put(t, two, 7, 9)
	require.Equal(t, count(0, 3), drain(t, one))
	require.Equal(t, count(7, 9), drain(t, two))
}

// Random operations against a slice: nothing lost, doubled or reordered, over reopening and with batches on their way.
func TestModel(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 1))
		dir := t.TempDir()
		options := Options{SegmentBytes: int64(50 + random.IntN(1500)), MaxBytes: 1 << 20}
		s := open(t, dir, options)
		var model []string
		var flying []*Batch
		made, away := 0, 0
		for range 400 {
			switch op := random.IntN(20); {
			case op < 11:
				r := mixed(made)
				require.NoError(t, s.Append(r))
				model = append(model, string(r.Value))
				made++
			case op < 15:
				b, after := &Batch{}, (*Batch)(nil)
				if len(flying) > 0 {
					after = flying[len(flying)-1]
				}
				require.NoError(t, s.Next(b, after, 1+random.IntN(20), 1+random.IntN(5000)))
				if len(b.Records) == 0 {
					require.Equal(t, len(model), away)
					continue
				}
				require.Equal(t, model[away:away+len(b.Records)], values(b))
				flying, away = append(flying, b), away+len(b.Records)
			case op < 19:
				if len(flying) > 0 {
					n := len(flying[0].Records)
					require.NoError(t, s.Ack(flying[0], nil))
					model, flying, away = model[n:], flying[1:], away-n
				}
			default:
				require.NoError(t, s.Close())
				s, flying, away = open(t, dir, options), nil, 0
			}
			require.Equal(t, len(model), s.Stats().Depth)
			if len(model) > 0 {
				require.NotZero(t, s.Stats().Oldest)
			}
		}
		got := drain(t, s)
		require.Equal(t, append([]string(nil), model...), append([]string(nil), got...))
		require.Empty(t, s.Damages())
		require.NoError(t, s.Close())
	}
}

// Samplers, the syncing timer, whoever asks for the state and the reader all work at the same time.
func TestEverythingAtOnce(t *testing.T) {
	s := open(t, inMemory(t), Options{SegmentBytes: 2000})
	const n = 5000
	var others sync.WaitGroup
	stop := make(chan struct{})
	for _, work := range []func(){
		func() { assert.NoError(t, s.Sync()) },
		func() { s.Stats() },
		func() { assert.NoError(t, s.SetNote([]byte("x"))) },
	} {
		others.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					work()
				}
			}
		})
	}
	others.Go(func() {
		for i := range n {
			assert.NoError(t, s.Append(numbered(i)))
		}
	})
	var got []string
	one, two := &Batch{}, &Batch{}
	for len(got) < n {
		require.NoError(t, s.Next(one, nil, 50, 1<<20))
		require.NoError(t, s.Next(two, one, 50, 1<<20))
		got = append(append(got, values(one)...), values(two)...)
		require.NoError(t, s.Ack(one, nil))
		require.NoError(t, s.Ack(two, nil))
	}
	close(stop)
	others.Wait()
	require.Equal(t, count(0, n), got)
	require.Empty(t, s.Damages())
}

func BenchmarkAppend(b *testing.B) {
	s, err := Open(b.TempDir(), Options{})
	require.NoError(b, err)
	defer s.Close()
	for i := 0; b.Loop(); i++ {
		require.NoError(b, s.Append(numbered(i)))
	}
}
