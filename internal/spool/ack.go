package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// The file "acked" says how far the spool was delivered. It has two slots that are written in turn, so that one of
// them is always whole: CRC-32C (uint32 LE) of what follows, sequence number of the first record that was not
// acknowledged (uint64 LE), length of the note (uint16 LE), note. It is not synced: losing it repeats records, and
// a sync for each batch would wear out an SD card.
const (
	ackName   = "acked"
	slotBytes = 2048
	slotHead  = 4 + 8 + 2
	// MaxNote is the longest note, in bytes.
	MaxNote = slotBytes - slotHead
)

type ackFile struct {
	file     *os.File // nil when it could not be made: then the note lives as long as the process
	turn     int64    // of the slot that is written next
	sequence uint64
	note     []byte
	written  uint64
}

// openAck reads how far the spool was delivered. The error is for people: without the file everything is delivered
// again.
func openAck(dir string) (*ackFile, error) {
	a := &ackFile{}
	file, err := os.OpenFile(filepath.Join(dir, ackName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return a, fmt.Errorf("open the note how far the spool was delivered: %w", err)
	}
	a.file = file
	data, err := io.ReadAll(io.LimitReader(file, 2*slotBytes))
	if err != nil {
		return a, fmt.Errorf("read how far the spool was delivered: %w", err)
	}
	found := false
	for slot := range int64(2) {
		sequence, note, ok := readSlot(data, slot)
		if ok && (!found || sequence >= a.sequence) {
			a.sequence, a.note, a.turn, found = sequence, slices.Clone(note), 1-slot, true
		}
	}
	if !found && len(data) > 0 {
		return a, errors.New("how far the spool was delivered is unreadable: everything is delivered again")
	}
	for range 2 { // the file has its page of the disk from the beginning, also when that is full later
		if err := a.write(a.sequence, nil); err != nil {
			return a, err
		}
	}
	return a, nil
}

func readSlot(data []byte, slot int64) (sequence uint64, note []byte, ok bool) {
	if int64(len(data)) < slot*slotBytes+slotHead {
		return 0, nil, false
	}
	data = data[slot*slotBytes:]
	n := int(binary.LittleEndian.Uint16(data[12:]))
	if n > MaxNote || slotHead+n > len(data) || binary.LittleEndian.Uint32(data) != checksum(data[4:slotHead+n]) {
		return 0, nil, false
	}
	return binary.LittleEndian.Uint64(data[4:]), data[slotHead : slotHead+n], true
}

func (a *ackFile) write(sequence uint64, note []byte) error {
	if len(note) > MaxNote {
		return fmt.Errorf("a note of %d bytes is longer than %d", len(note), MaxNote)
	}
	a.sequence = sequence
	if note != nil {
		a.note = slices.Clone(note)
	}
	if a.file == nil {
		return nil
	}
	data := make([]byte, slotHead, slotHead+len(a.note))
	binary.LittleEndian.PutUint64(data[4:], sequence)
	binary.LittleEndian.PutUint16(data[12:], uint16(len(a.note))) // at most MaxNote
	data = append(data, a.note...)
	binary.LittleEndian.PutUint32(data, checksum(data[4:]))
	if _, err := a.file.WriteAt(data, a.turn*slotBytes); err != nil {
		return fmt.Errorf("note how far the spool was delivered: %w", err)
	}
	a.written += uint64(len(data))
	a.turn = 1 - a.turn
	return nil
}

func (a *ackFile) close() error {
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}
