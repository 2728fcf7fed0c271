package people

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// The journal's bounds: a file of 2 MiB holds some 8,000 entries, and six of them are kept.
const (
	journalBytes = 2 << 20
	journalFiles = 6
	journalMost  = 2000 // entries without a folder
	deedMost     = 1000 // characters of each text of an entry
)

// Deed is one line of the audit: who did what, when, from where, and how it went.
type Deed struct {
	ID      uint64    `json:"id"` // rises by one
	At      time.Time `json:"at"`
	Who     string    `json:"who"` // empty behind an open door when no name was given
	By      string    `json:"by,omitempty"`
	What    string    `json:"what"`
	Detail  string    `json:"detail,omitempty"`
	Address string    `json:"address,omitempty"` // where the request came from
	Outcome string    `json:"outcome"`           // done, or the sentence with which it was refused
}

// Done is the outcome of what was done.
const Done = "done"

// Journal is the audit: JSON lines that are only ever added, in files of bounded size.
type Journal struct {
	mu     sync.Mutex
	folder string // empty: in memory only
	bytes  int64  // of a file before the next begins
	last   uint64
	size   int64 // of the newest file after the last write; another one: another process wrote too
	memory []Deed
}

// OpenJournal opens the audit in a folder, which it makes; an empty name keeps it in memory. Errors: a folder that
// cannot be written to. Lines that were cut off by a crash are passed over.
func OpenJournal(folder string) (*Journal, error) {
	j := &Journal{folder: folder, bytes: journalBytes}
	if folder == "" {
		return j, nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the audit: %w", err)
	}
	for i := range journalFiles {
		if err := j.count(i); err != nil {
			return nil, err
		}
		if j.last > 0 {
			break
		}
	}
	return j, nil
}

// count finds the greatest ID of a file.
func (j *Journal) count(i int) error {
	deeds, err := readDeeds(j.file(i))
	for _, deed := range deeds {
		j.last = max(j.last, deed.ID)
	}
	return err
}

// Add writes a deed, giving it its ID. It is on the disk when Add returns.
func (j *Journal) Add(deed Deed) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	deed.At = deed.At.UTC()
	deed.Who, deed.What, deed.Detail = short(deed.Who, deedMost), short(deed.What, deedMost), short(deed.Detail, deedMost)
	deed.Outcome = short(deed.Outcome, deedMost)
	if j.folder == "" {
		j.last++
		deed.ID = j.last
		j.memory = append(j.memory, deed)
		j.memory = j.memory[max(0, len(j.memory)-journalMost):]
		return nil
	}
	return locked(j.folder, func() error { return j.write(deed) })
}

func (j *Journal) write(deed Deed) error {
	about, err := os.Stat(j.file(0))
	if err == nil && about.Size() != j.size {
		err = j.count(0)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look at the audit: %w", err)
	}
	j.last++
	deed.ID = j.last
	line, err := json.Marshal(deed)
	if err != nil {
		return fmt.Errorf("encode a line of the audit: %w", err)
	}
	if err := j.rotate(); err != nil {
		return err
	}
	if err := appendLine(j.file(0), line); err != nil {
		return err
	}
	if about, err = os.Stat(j.file(0)); err == nil {
		j.size = about.Size()
	}
	return nil
}

// Page is up to limit deeds, the newest first, all of them older than before (0: from the newest).
func (j *Journal) Page(before uint64, limit int) ([]Deed, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var page []Deed
	take := func(deeds []Deed) {
		for _, deed := range slices.Backward(deeds) {
			if len(page) < limit && (before == 0 || deed.ID < before) {
				page = append(page, deed)
			}
		}
	}
	take(j.memory)
	for i := 0; j.folder != "" && i < journalFiles && len(page) < limit; i++ {
		deeds, err := readDeeds(j.file(i))
		if err != nil {
			return nil, err
		}
		take(deeds)
	}
	return page, nil
}

// file is the i-th file, 0 being the one that is written to.
func (j *Journal) file(i int) string {
	if i == 0 {
		return filepath.Join(j.folder, "audit.jsonl")
	}
	return filepath.Join(j.folder, "audit."+strconv.Itoa(i)+".jsonl")
}

// rotate makes room for a line: the oldest file goes.
func (j *Journal) rotate() error {
	about, err := os.Stat(j.file(0))
	if errors.Is(err, fs.ErrNotExist) || err == nil && about.Size() < j.bytes {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the audit: %w", err)
	}
	for i := journalFiles - 1; i > 0; i-- {
		if err := os.Rename(j.file(i-1), j.file(i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rotate the audit: %w", err)
		}
	}
	return nil
}

func appendLine(path string, line []byte) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the audit: %w", err)
	}
	line = append(line, '\n')
	if about, statErr := file.Stat(); statErr == nil && about.Size() > 0 {
		last := []byte{'\n'}
		if _, err = file.ReadAt(last, about.Size()-1); err == nil && last[0] != '\n' {
			line = append([]byte{'\n'}, line...) // a crash cut the line before off
		}
	}
	if err == nil {
		_, err = file.Write(line)
	}
	if err == nil {
		err = file.Sync()
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("write the audit: %w", err)
	}
	return nil
}

// readDeeds reads a file of the journal; none when it is not there. A line that is no deed is passed over.
func readDeeds(path string) ([]Deed, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the audit: %w", err)
	}
	defer file.Close()
	var deeds []Deed
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var deed Deed
		if json.Unmarshal(lines.Bytes(), &deed) == nil && deed.ID > 0 {
			deeds = append(deeds, deed)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the audit %s: %w", path, err)
	}
	return deeds, nil
}
