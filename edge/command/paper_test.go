package command

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/infrared"
)

func TestFoldingLosesNoWordAndFits(t *testing.T) {
	const text = "the auth password or protocol of user overcloud is not the agent's"
	for _, width := range []int{20, 40, 60, 80, wide} {
		for _, indent := range []int{0, 12, 44} {
			folded := fold(text, indent, width)
			require.Equal(t, strings.Fields(text), strings.Fields(folded))
			for i, line := range strings.Split(folded, "\n") {
				if i == 0 {
					line = strings.Repeat(" ", indent) + line
				}
				require.LessOrEqual(t, columns(strings.TrimRight(line, " ")), width)
			}
		}
	}
	require.Equal(t, text, fold(text, 44, wide))
}

func TestATableGoesOnInItsLastColumn(t *testing.T) {
	require.Equal(t, "hall  ac1  22 °C  power 0 W is not above 150 W:\n                  it does not cool", lastFolded("hall  ac1  22 °C  power 0 W is not above 150 W: it does not cool", 49))
	require.Equal(t, "hall  ac1  22 °C\n      it does not cool yet: power 0 W", lastFolded("hall  ac1  22 °C  it does not cool yet: power 0 W", 40))
	require.Equal(t, "  and prose where it begins in\n  the middle of it", lastFolded("  and prose where it begins in the middle of it", 32))
	require.Equal(t, "short", lastFolded("short", 80))
}

func TestHelpFitsATerminal(t *testing.T) {
	_, out, _ := called(nil, "--help")
	for line := range strings.Lines(out) {
		require.LessOrEqual(t, columns(strings.TrimRight(line, "\n")), 80, line)
	}
	for _, one := range []string{"run", "check", "learn", "lircd-conf", "simulate"} {
		_, out, _ = called(nil, one, "--help")
		text, _, _ := strings.Cut(out, "\nFlags:")
		for line := range strings.Lines(text) {
			require.LessOrEqual(t, columns(strings.TrimRight(line, "\n")), 82, line)
		}
	}
	_, out, _ = called(nil, "version", "--help")
	require.NotContains(t, out, "--config", "it takes no settings")
}

func TestStatesAreSaidAsSetpointsWhereTheyAreThat(t *testing.T) {
	require.Equal(t, "-", said(nil))
	cool := infrared.State{Power: true, Setpoint: 22}.WithDefaults()
	require.Equal(t, "22 °C", said(&cool))
	require.Equal(t, infrared.State{}.String(), said(&infrared.State{}))
	cool.Fan = infrared.FanHigh
	require.Contains(t, said(&cool), "high")
}
