package spool

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"testing"
	"time"

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

func values(b Batch) []string {
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
		require.NoError(t, s.Ack(b))
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
	require.NoError(t, s.Ack(b))
	require.Zero(t, s.Stats().Depth)
}

func TestReopenGoesOnWhereItWasAcknowledged(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{SegmentBytes: 200})
	put(t, s, 0, 50)
	b, err := s.Read(13)
	require.NoError(t, err)
	require.NoError(t, s.Ack(b))
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

func TestTruncatedTailIsCutOff(t *testing.T) {
	for cut := int64(1); cut < 30; cut += 4 {
		t.Run(fmt.Sprint(cut), func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, Options{})
			put(t, s, 0, 20)
			require.NoError(t, s.Close())
			path := segments(t, dir)[0]
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.NoError(t, os.Truncate(path, info.Size()-cut))

			s = open(t, dir, Options{})
			put(t, s, 100, 101)
			got := drain(t, s)
			require.Equal(t, "100", got[len(got)-1])
			whole := len(got) - 1
			require.Equal(t, count(0, whole), got[:whole])
			require.GreaterOrEqual(t, whole, 18)
			if damages := s.Damages(); whole < 19 || len(damages) > 0 {
				require.Len(t, damages, 1)
				require.Contains(t, damages[0].Reason, "torn tail")
				require.Empty(t, damages[0].Segment)
			}
		})
	}
}

func TestEveryFlippedByteCostsOneRecordAtMost(t *testing.T) {
	base := t.TempDir()
	s := open(t, base, Options{SegmentBytes: 400})
	put(t, s, 0, 40)
	require.NoError(t, s.Close())
	first := segments(t, base)[0]
	good, err := os.ReadFile(first)
	require.NoError(t, err)
	for at := range good {
		dir := t.TempDir()
		require.NoError(t, os.CopyFS(dir, os.DirFS(base)))
		bad := bytes.Clone(good)
		bad[at] ^= 0x41
		require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(first)), bad, 0o600))

		s, err := Open(dir, Options{SegmentBytes: 400})
		require.NoError(t, err)
		got := drain(t, s)
		require.GreaterOrEqual(t, len(got), 39, "byte %d", at)
		require.Subset(t, count(0, 40), got)
		require.True(t, sort.SliceIsSorted(got, func(i, j int) bool { return number(got[i]) < number(got[j]) }))
		damages := s.Damages()
		require.Len(t, damages, 1, "byte %d is reported", at)
		require.FileExists(t, damages[0].Segment)
		require.Equal(t, 1, s.Stats().Damaged)
		require.NoError(t, s.Close())
	}
}

func number(s string) int { n, _ := strconv.Atoi(s); return n }

func TestDamageWhileOpenIsSetAside(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	put(t, s, 0, 30)
	b, err := s.Read(5)
	require.NoError(t, err)
	require.NoError(t, s.Ack(b))
	path := segments(t, dir)[0]
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	data[len(data)/2] ^= 0xFF
	require.NoError(t, os.WriteFile(path, data, 0o600))

	got := drain(t, s)
	put(t, s, 30, 33)
	got = append(got, drain(t, s)...)
	require.Len(t, got, 27, "one of 28 is lost")
	require.Equal(t, "5", got[0])
	require.Equal(t, count(30, 33), got[24:])
	require.EqualValues(t, 1, s.Stats().Lost)
	require.Len(t, s.Damages(), 1)
	require.Empty(t, s.Damages(), "told once")
}

func TestDeletedSegmentIsReportedAndPassed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{SegmentBytes: 200})
	put(t, s, 0, 40)
	require.NoError(t, os.Remove(segments(t, dir)[0]))
	got := drain(t, s)
	require.NotEmpty(t, got)
	require.Equal(t, "39", got[len(got)-1])
	require.NotEmpty(t, s.Damages())
	require.Zero(t, s.Stats().Depth)
}

func TestLostAckFileDeliversAgain(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	put(t, s, 0, 10)
	b, err := s.Read(4)
	require.NoError(t, err)
	require.NoError(t, s.Ack(b))
	require.NoError(t, s.Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, ackName), nil, 0o600))
	s = open(t, dir, Options{})
	require.Equal(t, count(0, 10), drain(t, s))
	require.Len(t, s.Damages(), 1)
}

func TestBoundDropsOldestAndCounts(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{MaxBytes: 2000, SegmentBytes: 300})
	outstanding := Batch{}
	for i := range 500 {
		require.NoError(t, s.Append(numbered(i)))
		require.LessOrEqual(t, s.Stats().Bytes, int64(2000))
		if i == 20 {
			var err error
			outstanding, err = s.Read(5)
			require.NoError(t, err)
		}
	}
	require.NoError(t, s.Ack(outstanding), "a batch dropped meanwhile")
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

// Random operations against a slice: nothing lost, doubled or reordered, over reopening too.
func TestModel(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		dir := t.TempDir()
		options := Options{SegmentBytes: int64(50 + random.IntN(500)), MaxBytes: 1 << 20}
		s := open(t, dir, options)
		var model []string
		made := 0
		for range 400 {
			switch op := random.IntN(20); {
			case op < 11:
				require.NoError(t, s.Append(numbered(made)))
				model = append(model, strconv.Itoa(made))
				made++
			case op < 18:
				b, err := s.Read(1 + random.IntN(20))
				require.NoError(t, err)
				require.Equal(t, append([]string(nil), model[:len(b.Records)]...), values(b))
				require.True(t, len(b.Records) > 0 || len(model) == 0)
				if random.IntN(3) > 0 {
					require.NoError(t, s.Ack(b))
					model = model[len(b.Records):]
				}
			default:
				require.NoError(t, s.Close())
				s = open(t, dir, options)
			}
			require.Equal(t, len(model), s.Stats().Depth)
		}
		got := drain(t, s)
		require.Equal(t, append([]string(nil), model...), append([]string(nil), got...))
		require.Empty(t, s.Damages())
		require.NoError(t, s.Close())
	}
}

// A process that is killed in the middle of appending leaves a spool whose records are all there: every
// record that it reported as appended, in order.
func TestSurvivesKill(t *testing.T) {
	if dir := os.Getenv("SPOOL_VICTIM"); dir != "" {
		s, err := Open(dir, Options{SegmentBytes: 5000})
		require.NoError(t, err)
		for i := 0; ; i++ {
			require.NoError(t, s.Append(numbered(i)))
			fmt.Println(i)
		}
	}
	dir := t.TempDir()
	victim := exec.Command(os.Args[0], "-test.run=^TestSurvivesKill$") // ourselves
	victim.Env = append(os.Environ(), "SPOOL_VICTIM="+dir)
	out, err := victim.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, victim.Start())
	seen := make([]byte, 64<<10)
	total := 0
	for total < 10_000 {
		n, err := out.Read(seen)
		require.NoError(t, err)
		total += n
	}
	require.NoError(t, victim.Process.Kill())
	_ = victim.Wait()
	s := open(t, dir, Options{SegmentBytes: 5000})
	got := drain(t, s)
	require.Greater(t, len(got), 1000)
	require.Equal(t, count(0, len(got)), got)
}

func BenchmarkAppend(b *testing.B) {
	s, err := Open(b.TempDir(), Options{})
	require.NoError(b, err)
	defer s.Close()
	for i := 0; b.Loop(); i++ {
		require.NoError(b, s.Append(numbered(i)))
	}
}
