package people

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheJournalOutlivesARestartAndACutLine(t *testing.T) {
	folder := t.TempDir()
	j, err := OpenJournal(folder)
	require.NoError(t, err)
	for i := range 3 {
		require.NoError(t, j.Add(Deed{At: time.Unix(int64(i), 0), Who: "kim", What: fmt.Sprint("deed ", i+1), Outcome: Done}))
	}
	file, err := os.OpenFile(filepath.Join(folder, "audit.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString(`{"id":4,"what":"cut o`)
	require.NoError(t, err)
	require.NoError(t, file.Close())

	j, err = OpenJournal(folder)
	require.NoError(t, err)
	require.NoError(t, j.Add(Deed{What: "deed 4"}))
	page, err := j.Page(0, 10)
	require.NoError(t, err)
	require.Equal(t, []string{"4 deed 4", "3 deed 3", "2 deed 2", "1 deed 1"}, words(page))
	page, err = j.Page(3, 1)
	require.NoError(t, err)
	require.Equal(t, []string{"2 deed 2"}, words(page))
}

func words(page []Deed) (list []string) {
	for _, d := range page {
		list = append(list, fmt.Sprint(d.ID, " ", d.What))
	}
	return list
}

func TestTheJournalIsBounded(t *testing.T) {
	folder := t.TempDir()
	j, err := OpenJournal(folder)
	require.NoError(t, err)
	require.EqualValues(t, 2<<20, j.bytes)
	j.bytes = 8 << 10
	for range 100 {
		require.NoError(t, j.Add(Deed{What: "much", Detail: strings.Repeat("x", 5000)}))
	}
	files, err := filepath.Glob(filepath.Join(folder, "audit*"))
	require.NoError(t, err)
	require.Len(t, files, journalFiles)
	for _, file := range files {
		about, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), about.Mode().Perm())
		require.Less(t, about.Size(), int64(10<<10))
	}
	page, err := j.Page(0, 500)
	require.NoError(t, err)
	require.EqualValues(t, 100, page[0].ID)
	for i, d := range page {
		require.EqualValues(t, 100-i, d.ID, "no gap across files")
		require.Len(t, []rune(d.Detail), deedMost+1)
	}
	require.Greater(t, len(page), 5*8)
	require.Less(t, len(page), 60, "the oldest are gone")
}

func TestTwoProcessesWriteOneJournal(t *testing.T) {
	folder := t.TempDir()
	var done sync.WaitGroup
	for range 4 {
		j, err := OpenJournal(folder)
		require.NoError(t, err)
		done.Go(func() {
			for range 20 {
				if err := j.Add(Deed{What: "x"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done.Wait()
	j, err := OpenJournal(folder)
	require.NoError(t, err)
	page, err := j.Page(0, 100)
	require.NoError(t, err)
	require.Len(t, page, 80)
	for i, d := range page {
		require.EqualValues(t, 80-i, d.ID)
	}
}
