package sink

import (
	"context"
	"errors"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/line"
)

// batch is records on their way to InfluxDB, as lines. A record is never split.
type batch struct {
	line    line.Writer
	records []kafka.Record
	ends    []int     // where the lines of each record end in line.buf
	bad     []refusal // what could not be encoded

	mark    kafka.Mark    // to be committed when all of it is stored
	written chan struct{} // holds a token then
}

// refusal is a record for quarantine.
type refusal struct {
	record kafka.Record
	reason error
}

func (b *batch) add(e encoder, record kafka.Record) {
	before := b.line
	if err := e.append(&b.line, record); err != nil {
		b.line.Buf, b.line.Lines = b.line.Buf[:len(before.Buf)], before.Lines
		b.bad = append(b.bad, refusal{record, err})
		return
	}
	b.records = append(b.records, record)
	b.ends = append(b.ends, len(b.line.Buf))
}

func (b *batch) empty() bool { return len(b.records) == 0 && len(b.bad) == 0 }

func (b *batch) reset() {
	clear(b.records) // lets go of the values
	clear(b.bad)
	b.line.Buf, b.records, b.ends, b.bad, b.line.Lines = b.line.Buf[:0], b.records[:0], b.ends[:0], b.bad[:0], 0
	const keepMost = 8 << 20
	if cap(b.line.Buf) > keepMost {
		b.line.Buf = nil
	}
}

// write gives the records to write, which tries until it succeeds or until some of them are refused for good. Then
// those are found (see sift). What is written twice on the way is the same points again.
func (b *batch) write(ctx context.Context, write func(context.Context, []byte) error) error {
	if len(b.records) == 0 {
		return nil
	}
	err := write(ctx, b.line.Buf)
	if !errors.Is(err, fault.ErrRejected) {
		return err
	}
	all := make([]int, len(b.records))
	for i := range all {
		all[i] = i
	}
	s := sifter{batch: b, write: write}
	return s.split(ctx, all, err)
}

// lines are those of one record.
func (b *batch) lines(record int) []byte {
	start := 0
	if record > 0 {
		start = b.ends[record-1]
	}
	return b.line.Buf[start:b.ends[record]]
}
