package screen

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The layers of a pull are drawn below it for as long as everything fits.
func TestThePartsOfARunningStepGoFirstWhenRoomIsShort(t *testing.T) {
	parts := []Line{{Title: "layer a", State: Running}, {Title: "layer b", State: Running}}
	s := New(&strings.Builder{}, false, nil, clock)
	s.lines = []Line{{Title: "place", State: Running, Steps: []Line{
		{Title: "pull edge", State: Running, Steps: parts}, {Title: "pull sink", State: Done, Steps: parts},
	}}}
	titles := func(rows []string) (all []string) {
		for _, row := range rows {
			all = append(all, strings.TrimRight(row[strings.LastIndex(row, "m ")+2:], " "))
		}
		return all
	}
	require.Equal(t, []string{"place", "pull edge", "layer a", "layer b", "pull sink"}, titles(s.rows(40, 24)))
	require.Equal(t, []string{"place", "1 done", "pull edge"}, titles(s.rows(40, 4)))
}
