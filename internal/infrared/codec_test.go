package infrared

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// uneven has all that a codec can have: lead bits, a section with a part of a byte, one without a header, copies.
func uneven(msbFirst bool) codec {
	return codec{
		carrierHz: 38_000, bitMark: 500, oneSpace: 1500, zeroSpace: 500, footMark: 600, msbFirst: msbFirst,
		sections: []section{
			{bits: 5, gap: 25_000},
			{header: []int{3500, 1700}, bits: 19, gap: 3_000},
			{header: []int{600, 9000, 3500, 1700}, bits: 16},
		},
		copies: 2, copyGap: 30_000,
	}
}

func TestCodecSaysBitsInOrder(t *testing.T) {
	for _, c := range []struct {
		name     string
		msbFirst bool
		bits     int
		data     []byte
		want     string
	}{
		{"low bit first", false, 8, []byte{0x01}, "10000000"},
		{"high bit first", true, 8, []byte{0x01}, "00000001"},
		{"part of a byte, low bit first", false, 11, []byte{0x80, 0x02}, "00000001" + "010"},
		{"part of a byte, high bit first", true, 12, []byte{0x80, 0x0B}, "10000000" + "1011"},
	} {
		t.Run(c.name, func(t *testing.T) {
			codec := codec{bitMark: 1, oneSpace: 3, zeroSpace: 2, msbFirst: c.msbFirst, sections: []section{{bits: c.bits}}}
			said := ""
			pulses := codec.encode(c.data)
			require.Len(t, pulses, codec.entries())
			for i := 1; i < len(pulses); i += 2 {
				said += string(rune('0' + pulses[i] - 2))
			}
			require.Equal(t, c.want, said)
		})
	}
}

func TestCodecRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for _, msbFirst := range []bool{false, true} {
		c := uneven(msbFirst)
		require.Equal(t, 1+3+2, c.bytes())
		for range 500 {
			data := []byte{byte(random.IntN(32)), byte(random.IntN(256)), byte(random.IntN(256)), byte(random.IntN(8)), byte(random.IntN(256)), byte(random.IntN(256))}
			frame, err := c.frame(data)
			require.NoError(t, err)
			require.Len(t, frame.Pulses, 2*c.entries()+1)
			heard := jitter(random, frame).Pulses
			got, err := c.decode(heard)
			require.NoError(t, err)
			require.Equal(t, data, got)
			got, err = c.decode(append(heard, 40_000))
			require.NoError(t, err, "with the silence after it")
			require.Equal(t, data, got)
			// A frame is understood from its first copy; without the end of that it is not.
			_, err = c.decode(heard[:c.entries()])
			require.NoError(t, err)
			_, err = c.decode(heard[:c.entries()-1])
			require.ErrorIs(t, err, fault.ErrInvalid)
		}
	}
}

func TestCodecRefuses(t *testing.T) {
	c := uneven(false)
	_, err := c.frame([]byte{1, 2, 3})
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "3 bytes, the protocol has 6")

	c.copies = 1
	frame, err := c.frame([]byte{1, 2, 3, 4, 5, 6})
	require.NoError(t, err)
	for name, change := range map[string]func(p []int) []int{
		"nothing":                  func([]int) []int { return nil },
		"no first gap":             func(p []int) []int { p[11] = 1500; return p },
		"a gap of a second":        func(p []int) []int { p[11] = 1_000_000; return p },
		"another header":           func(p []int) []int { p[12] = 9000; return p },
		"another header's space":   func(p []int) []int { p[13] = 4500; return p },
		"a mark that is no bit":    func(p []int) []int { p[14] = 900; return p },
		"a space between the bits": func(p []int) []int { p[15] = 900; return p },
		"another closing mark":     func(p []int) []int { p[10] = 2000; return p },
		"bits after the end":       func(p []int) []int { return append(p, 1500, 500) },
		"cut in a section":         func(p []int) []int { return p[:20] },
		"cut at a gap":             func(p []int) []int { return p[:11] },
		"shifted by one":           func(p []int) []int { return p[1:] },
	} {
		_, err := c.decode(change(append([]int(nil), frame.Pulses...)))
		require.ErrorIs(t, err, fault.ErrInvalid, name)
	}
}

func FuzzCodecDecode(f *testing.F) {
	frame, err := uneven(true).frame([]byte{1, 2, 3, 4, 5, 6})
	require.NoError(f, err)
	var seed []byte
	for _, us := range frame.Pulses {
		seed = append(seed, byte(us/100), byte(us%100))
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, noise []byte) {
		var pulses []int
		for i := 0; i+1 < len(noise); i += 2 {
			pulses = append(pulses, int(noise[i])*100+int(noise[i+1]))
		}
		c := uneven(true)
		data, err := c.decode(pulses)
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
			return
		}
		again, err := c.decode(c.encode(data))
		require.NoError(t, err)
		require.Equal(t, data, again)
	})
}
