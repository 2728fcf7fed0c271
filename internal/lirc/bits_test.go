package lirc_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/lirc"
)

// An int has 32 bits on a Pi with arm/v7: these fail there, and nowhere else, when a number does not fit.
func TestLargeNumbersStayLargeOn32Bits(t *testing.T) {
	for line, want := range map[string]lirc.Word{
		"space 4000000000": lirc.NewWord(lirc.KindSpace, 1<<24-1),
		"-2147483648":      lirc.NewWord(lirc.KindSpace, 1<<24-1),
		"+2147483647":      lirc.NewWord(lirc.KindPulse, 1<<24-1),
	} {
		words, err := lirc.ParseMode2(line)
		if err != nil || !slices.Equal(words, []lirc.Word{want}) {
			t.Errorf("%s: %d %v", line, words, err)
		}
	}
	// Their sum is 2^32 + 256 µs: over an hour, or 0.3 ms where the carry is lost.
	pulses := slices.Repeat([]int{16_711_936}, 257)
	if err := lirc.FitsLircd(pulses); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("%d lengths: %v", len(pulses), err)
	}
}
