package spool

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The queue file is cut at every byte of its last two records: what is whole stays, the rest is told.
func TestTruncatedTailIsCutOff(t *testing.T) {
	base := t.TempDir()
	s := open(t, base, Options{})
	put(t, s, 0, 18)
	before := s.Stats().Bytes
	put(t, s, 18, 20)
	size := s.Stats().Bytes
	require.NoError(t, s.Close())
	half := (size - before) / 2
	for length := before; length < size; length++ {
		dir := t.TempDir()
		require.NoError(t, os.CopyFS(dir, os.DirFS(base)))
		require.NoError(t, os.Truncate(segments(t, dir)[0], length))

		s := open(t, dir, Options{})
		put(t, s, 100, 101)
		whole := 18 + int((length-before)/half)
		require.Equal(t, append(count(0, whole), "100"), drain(t, s), "%d of %d bytes", length, size)
		damages := s.Damages()
		if (length-before)%half == 0 {
			require.Empty(t, damages)
			continue
		}
		require.Len(t, damages, 1)
		require.Contains(t, damages[0].Reason, "torn tail")
		require.Empty(t, damages[0].Segment)
		require.NoError(t, s.Close())
	}
}

// In each segment, the last one too, each byte is flipped, header and samples included.
func TestEveryFlippedByteCostsOneRecordAtMost(t *testing.T) {
	base := t.TempDir()
	options := Options{SegmentBytes: 700}
	s := open(t, base, options)
	var all []string
	for i := range 35 {
		r := mixed(i)
		require.NoError(t, s.Append(r))
		all = append(all, string(r.Value))
	}
	require.NoError(t, s.Close())
	paths := segments(t, base)
	require.Greater(t, len(paths), 2)
	for _, path := range []string{paths[1], paths[len(paths)-1]} {
		good, err := os.ReadFile(path)
		require.NoError(t, err)
		for at := range good {
			dir := inMemory(t)
			require.NoError(t, os.CopyFS(dir, os.DirFS(base)))
			bad := bytes.Clone(good)
			bad[at] ^= 0x41
			require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(path)), bad, 0o600))

			s, err := Open(dir, options)
			require.NoError(t, err)
			got := drain(t, s)
			require.GreaterOrEqual(t, len(got), len(all)-1, "byte %d", at)
			for i, j := 0, 0; i < len(got); i, j = i+1, j+1 { // in order, and each as it was written
				for j < len(all) && all[j] != got[i] {
					j++
				}
				require.Less(t, j, len(all), "byte %d: %q was never written, or not there", at, got[i])
			}
			damages := s.Damages()
			require.Len(t, damages, 1, "byte %d is reported", at)
			if damages[0].Segment == "" {
				require.Contains(t, damages[0].Reason, "torn tail")
				require.Equal(t, all[:len(all)-1], got)
			} else {
				require.FileExists(t, damages[0].Segment)
				require.Equal(t, 1, s.Stats().Damaged)
			}
			require.NoError(t, s.Close())
			require.NoError(t, os.RemoveAll(dir))
		}
	}
}

func TestDamageWhileOpenIsSetAside(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	put(t, s, 0, 30)
	b, err := s.Read(5)
	require.NoError(t, err)
	require.NoError(t, s.Ack(b, nil))
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

// Whatever a disk makes of a segment: no panic, and nothing that was not written.
func FuzzScan(f *testing.F) {
	c := newCodec(1000, []string{"hall"}, []byte(strings.Repeat(`{"box":"b"}`, 20)))
	data := encodeHeader(c)
	for i := range 6 {
		var err error
		if data, err = c.encode(data, uint64(i), mixed(i)); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(data)
	f.Add(data[:len(data)-3])
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		found := scan(data, 1, func(sequence uint64, payload []byte, _ int64) {
			codec, _, _, err := decodeHeader(data)
			require.NoError(t, err)
			again, _, _, err := codec.decode(payload, nil)
			if err == nil {
				require.Equal(t, sequence, again+1)
			}
		})
		require.LessOrEqual(t, found.good, int64(len(data)))
	})
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
