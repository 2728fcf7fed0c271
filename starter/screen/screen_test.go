package screen

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func clock() time.Time { return time.Date(2026, 11, 23, 12, 0, 5, 0, time.UTC) }

func size(width, height int) func() (int, int) { return func() (int, int) { return width, height } }

func deploy(state, detail string) []Line {
	began := clock().Add(-5 * time.Second)
	return []Line{
		{ID: "match", Title: "match", State: Done, Detail: "3 of 3", Started: began, Ended: began.Add(time.Second), Steps: []Line{{ID: "m1", Title: "folded", State: Done}}},
		{ID: "place", Title: "place 100%", State: state, Started: began, Steps: []Line{{ID: "p1", Title: "pull edge", State: state, Detail: detail, Started: began}}},
		{ID: "stitch", Title: "stitch", State: Waiting},
	}
}

func TestPlainWritesEachChangeOnce(t *testing.T) {
	var out strings.Builder
	s := New(&out, false, nil, clock)
	s.Show(deploy(Running, "1 MiB of 9 MiB"))
	s.Show(deploy(Running, "5 MiB of 9 MiB"))
	s.Print("a word")
	s.Show(deploy(Failed, "no such image\nand a log\nof many lines"))
	require.Equal(t, ""+
		"  done     folded\n"+
		"done     match  3 of 3  (1.0 s)\n"+
		"running  place 100%\n"+
		"  running  pull edge\n"+
		"a word\n"+
		"  failed   pull edge  no such image …  (5.0 s)\n"+
		"failed   place 100%  (5.0 s)\n", out.String())
}

func TestLiveRedrawsItsOwnRowsOnly(t *testing.T) { synctest.Test(t, redraws) } // where no wheel turns meanwhile

func redraws(t *testing.T) {
	terminal := &terminal{width: 40}
	s := New(terminal, true, size(40, 24), clock)
	defer s.Freeze()
	terminal.Write([]byte("$ starter up\n"))
	s.Show(deploy(Running, strings.Repeat("long ", 20)))
	require.Equal(t, []string{
		"$ starter up",
		"✓ match  3 of 3                    1.0 s",
		"⠋ place 100%                       5.0 s",
		"  ⠋ pull edge  long long long lo…  5.0 s",
		"· stitch",
	}, terminal.rows, "the steps of a finished headline are folded")

	terminal.Write([]byte("^C")) // what a person typed stands behind the block
	s.Print("above")
	s.Show(deploy(Running, "two\nlines"))
	require.Equal(t, []string{
		"$ starter up", "above",
		"✓ match  3 of 3                    1.0 s",
		"⠋ place 100%                       5.0 s",
		"  ⠋ pull edge  two …               5.0 s",
		"· stitch",
	}, terminal.rows)

	s.Show(deploy(Done, ""))
	s.Freeze()
	s.Print("below")
	require.Equal(t, []string{
		"$ starter up", "above",
		"✓ match  3 of 3                    1.0 s",
		"✓ place 100%                       5.0 s",
		"· stitch", "below",
	}, terminal.rows)
}

// TestABlockNeverOutgrowsTheTerminal: rows that scrolled away cannot be drawn over again.
func TestABlockNeverOutgrowsTheTerminal(t *testing.T) {
	line := Line{ID: "stitch", Title: "stitch", State: Running}
	for i := range 30 {
		state := []string{Done, Running, Waiting}[i/10]
		line.Steps = append(line.Steps, Line{ID: fmt.Sprint(i), Title: fmt.Sprintf("step %d", i), State: state})
	}
	for height, want := range map[int]string{
		40: "stitch, 30 steps", 31: "stitch, 21 steps with 10 done", 14: "stitch, 12 steps with 10 done and 10 to come",
		8: "stitch, 6 steps with 10 done and 7 more", 2: "stitch, 0 steps",
	} {
		synctest.Test(t, func(t *testing.T) {
			terminal := &terminal{width: 80}
			s := New(terminal, true, size(80, height), clock)
			defer s.Freeze()
			s.Show([]Line{line})
			s.Show([]Line{line})
			require.Less(t, len(terminal.rows), max(height, 2), "one row is the cursor's")
			got := fmt.Sprintf("stitch, %d steps", len(terminal.rows)-1)
			joint := " with "
			for _, row := range terminal.rows[1:] {
				if text := strings.TrimLeft(row, " ✓·"); !strings.Contains(text, "step") {
					got += joint + text
					joint = " and "
				}
			}
			require.Equal(t, want, got)
		})
	}
}

func TestAFailedHeadlineShowsWhatFailed(t *testing.T) { synctest.Test(t, fails) }

func fails(t *testing.T) {
	terminal := &terminal{width: 80}
	s := New(terminal, true, size(80, 24), clock)
	defer s.Freeze()
	s.Show([]Line{{ID: "place", Title: "place", State: Failed, Steps: []Line{
		{ID: "a", Title: "a", State: Done},
		{ID: "b", Title: "b", State: Failed, Detail: "why"},
		{ID: "c", Title: "c", State: Undone},
		{ID: "d", Title: "d", State: Waiting},
	}}})
	require.Equal(t, []string{"✗ place", "  ✓ 1 done", "  ✗ b  why", "  ↩ c", "  · 1 to come"}, terminal.rows)
}

func TestTheWheelTurnsUntilTheBlockIsFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		terminal := &terminal{width: 80}
		s := New(terminal, true, size(80, 24), time.Now)
		s.Show([]Line{{ID: "a", Title: "a", State: Running, Started: time.Now()}})
		time.Sleep(beat*12 + beat/2)
		synctest.Wait()
		s.Freeze()
		require.Contains(t, terminal.rows[0], "1.2 s")
		require.Contains(t, terminal.rows[0], "⠹ a")
		before := terminal.rows[0]
		time.Sleep(time.Second)
		require.Equal(t, before, terminal.rows[0])
	})
}

// terminal understands the few sequences that a screen writes: what a person would see.
type terminal struct {
	rows        []string // without colours, without trailing spaces
	row, column int
	width       int
}

func (m *terminal) Write(text []byte) (int, error) {
	for rest := []rune(string(text)); len(rest) > 0; {
		if rest[0] == '\x1b' {
			end := 2
			for rest[end] < 'A' {
				end++
			}
			m.sequence(string(rest[2:end]), rest[end])
			rest = rest[end+1:]
			continue
		}
		m.put(rest[0])
		rest = rest[1:]
	}
	for i := range m.rows {
		m.rows[i] = strings.TrimRight(m.rows[i], " ")
	}
	for len(m.rows) > 0 && m.rows[len(m.rows)-1] == "" {
		m.rows = m.rows[:len(m.rows)-1]
	}
	return len(text), nil
}

func (m *terminal) sequence(number string, kind rune) {
	switch kind {
	case 'A':
		up := 1
		fmt.Sscan(number, &up)
		m.row = max(0, m.row-up)
	case 'J':
		m.erase()
		if m.row+1 < len(m.rows) {
			m.rows = m.rows[:m.row+1]
		}
	case 'K':
		m.erase()
	}
}

func (m *terminal) erase() {
	if m.row < len(m.rows) {
		runes := []rune(m.rows[m.row])
		m.rows[m.row] = string(runes[:min(len(runes), m.column)])
	}
}

func (m *terminal) put(r rune) {
	switch r {
	case '\r':
		m.column = 0
		return
	case '\n':
		m.row, m.column = m.row+1, 0
		return
	}
	if m.column == m.width {
		m.row, m.column = m.row+1, 0
	}
	for len(m.rows) <= m.row {
		m.rows = append(m.rows, "")
	}
	runes := []rune(m.rows[m.row])
	for len(runes) <= m.column {
		runes = append(runes, ' ')
	}
	runes[m.column] = r
	m.rows[m.row], m.column = string(runes), m.column+1
}

func TestAPlainScreenSaysOnceWhyAStepIsTriedAgain(t *testing.T) {
	var out strings.Builder
	screen := New(&out, false, nil, time.Now)
	pull := func(again string) []Line {
		return []Line{{ID: "place", Title: "place", State: Running, Steps: []Line{{
			ID: "pull/a", Title: "pull a", State: Running, Again: again, Steps: []Line{{ID: "layer", Title: "layer 1", State: Running}},
		}}}}
	}
	for _, again := range []string{"", "attempt 2, the one before: refused", "attempt 2, the one before: refused", "attempt 3, the one before: cut"} {
		screen.Show(pull(again))
	}
	require.Equal(t, "running  place\n  running  pull a\n  again    pull a  attempt 2, the one before: refused\n"+
		"  again    pull a  attempt 3, the one before: cut\n", out.String(), "and nothing of layers")
}
