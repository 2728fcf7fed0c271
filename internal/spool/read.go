package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Batch is what one read returned. Hand it to Ack when every record of it was delivered. A Batch may be filled
// again by Next; what its records held is overwritten then.
type Batch struct {
	Records []Record
	end     cursor
	arena   []byte // what the records' keys and values are in
	raw     []byte
}

// Next fills b with up to most records of about mostBytes in all, in order, that follow the batch after, or from the
// head of the queue where after is nil. Nothing is taken off. No records mean that there are no more. Damage that
// appeared since Open is set aside as at Open. Batches have to be acknowledged in the order of reading.
func (s *Spool) Next(b, after *Batch, most, mostBytes int) error {
	b.Records, b.arena = b.Records[:0], b.arena[:0]
	from, err := s.place(after)
	if err != nil {
		return err
	}
	b.end = from
	for repairs := 0; len(b.Records) < most && len(b.arena) < mostBytes; {
		at, until, moved := s.onward(b.end)
		b.end = at
		if at.segment == nil || at.index == until.count {
			if moved {
				continue
			}
			return nil
		}
		err := b.read(until, most-len(b.Records), mostBytes-len(b.arena))
		if err == nil {
			continue
		}
		if !errors.Is(err, errDamaged) || repairs > 2 {
			return err
		}
		repairs++
		if err := s.mend(b); err != nil {
			return err
		}
	}
	return nil
}

// Read is Next from the head of the queue into a batch of its own.
func (s *Spool) Read(n int) (*Batch, error) {
	b := &Batch{}
	return b, s.Next(b, nil, n, maxRecordBytes)
}

// place is where to read on.
func (s *Spool) place(after *Batch) (cursor, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return cursor{}, ErrClosed
	case after == nil || after.end.segment == nil || after.end.sequence <= s.head.sequence:
		return s.head, nil
	case after.end.segment.gone:
		return s.find(after.end.sequence)
	}
	return after.end, nil
}

// onward goes to the next segment when the cursor's is at its end, and tells how far the segment reaches now.
func (s *Spool) onward(c cursor) (at cursor, until segment, moved bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.segment == nil {
		return s.head, segment{}, false
	}
	if c.segment.gone || c.index < c.segment.count {
		return c, *c.segment, false
	}
	for i, g := range s.segments[:len(s.segments)-1] {
		if g == c.segment {
			next := s.segments[i+1]
			return cursor{segment: next, offset: next.start, sequence: max(c.sequence, next.first)}, *next, true
		}
	}
	return c, *c.segment, false
}

// mend repairs the segment that the batch stopped in, and finds its place again.
func (s *Spool) mend(b *Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if !b.end.segment.gone {
		if err := s.repair(b.end.segment); err != nil {
			return err
		}
	}
	var err error
	b.end, err = s.find(max(b.end.sequence, s.head.sequence))
	return err
}

// How much of a file is read at once, for many records and for one.
const (
	chunkBytes      = 128 << 10
	smallChunkBytes = 4 << 10
)

// read adds records from the batch's end on, and moves it. The error is errDamaged when the file does not hold what
// it should.
func (b *Batch) read(until segment, most, mostBytes int) error {
	file, err := os.Open(until.path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: the segment is gone", errDamaged)
	}
	if err != nil {
		return fmt.Errorf("read spool segment: %w", err)
	}
	defer file.Close()
	codec, err := b.header(file, until)
	if err != nil {
		return err
	}
	stop := len(b.arena) + mostBytes
	for taken := 0; taken < most && b.end.index < until.count && len(b.arena) < stop; {
		n, err := b.chunk(codec, file, until, most-taken, stop)
		if err != nil {
			return err
		}
		taken += n
	}
	return nil
}

func (b *Batch) header(file *os.File, until segment) (*codec, error) {
	if until.codec != nil { // the one that is appended to; its codec is the appender's
		return &codec{base: until.codec.base, words: until.codec.words, samples: until.codec.samples}, nil
	}
	data, err := b.bytes(file, 0, min(until.start, 2*maxHeaderBytes))
	if err != nil {
		return nil, err
	}
	codec, _, _, err := decodeHeader(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return codec, nil
}

// chunk decodes what one read of the file brings, at least one record.
func (b *Batch) chunk(codec *codec, file *os.File, until segment, most, stop int) (taken int, err error) {
	size := int64(chunkBytes)
	if most == 1 {
		size = smallChunkBytes
	}
	data, err := b.bytes(file, b.end.offset, min(size, until.size-b.end.offset))
	if err != nil {
		return 0, err
	}
	for taken < most && b.end.index < until.count && len(b.arena) < stop {
		sequence, payload, n, err := record(data, until.first, until.first)
		if err != nil && taken == 0 && b.end.offset+int64(len(data)) < until.size && len(data) < maxRecordBytes+chunkBytes {
			// A record longer than a chunk, perhaps.
			data, err = b.bytes(file, b.end.offset, min(maxRecordBytes+chunkBytes, until.size-b.end.offset))
			if err != nil {
				return taken, err
			}
			sequence, payload, n, err = record(data, until.first, until.first)
		}
		if err != nil && taken > 0 {
			return taken, nil // the chunk ends within it; or it is damaged, which the next chunk shows
		}
		if err != nil {
			return taken, err
		}
		var r Record
		if _, r, b.arena, err = codec.decode(payload, b.arena); err != nil {
			return taken, err
		}
		if sequence >= b.end.sequence {
			b.Records = append(b.Records, r)
			b.end.sequence = sequence + 1
		}
		b.end.index++
		b.end.offset += n
		data = data[n:]
		taken++
	}
	return taken, nil
}

// bytes reads a part of a file. Less than asked for is damage: the file was longer.
func (b *Batch) bytes(file *os.File, offset, n int64) ([]byte, error) {
	if int64(cap(b.raw)) < n {
		b.raw = make([]byte, n)
	}
	b.raw = b.raw[:n]
	if _, err := file.ReadAt(b.raw, offset); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: the segment is shorter than it was", errDamaged)
	} else if err != nil {
		return nil, fmt.Errorf("read spool segment: %w", err)
	}
	return b.raw, nil
}

// timeAt is the time of one record, or zero when it cannot be read; a damaged head shows at the next read.
func (s *Spool) timeAt(c cursor) time.Time {
	b := Batch{end: c}
	at, until, moved := s.onward(b.end)
	if moved {
		at, until, _ = s.onward(at)
	}
	b.end = at
	if at.segment == nil || until.gone || b.end.index >= until.count {
		return time.Time{}
	}
	if err := b.read(until, 1, 1); err != nil || len(b.Records) == 0 {
		return time.Time{}
	}
	return b.Records[0].Time
}
