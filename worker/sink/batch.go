package sink

import (
	"context"
	"errors"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
)

// batch is records on their way to InfluxDB, as lines. A record is never split.
type batch struct {
	line    line
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
		b.line.buf, b.line.lines = b.line.buf[:len(before.buf)], before.lines
		b.bad = append(b.bad, refusal{record, err})
		return
	}
	b.records = append(b.records, record)
	b.ends = append(b.ends, len(b.line.buf))
}

func (b *batch) empty() bool { return len(b.records) == 0 && len(b.bad) == 0 }

func (b *batch) reset() {
	clear(b.records) // lets go of the values
	clear(b.bad)
	b.line.buf, b.records, b.ends, b.bad, b.line.lines = b.line.buf[:0], b.records[:0], b.ends[:0], b.bad[:0], 0
	const keepMost = 8 << 20
	if cap(b.line.buf) > keepMost {
		b.line.buf = nil
	}
}

// write gives records lo to hi to write, which tries until it succeeds or until one of them is refused for
// good. Then halves find the refused ones: about 2·log2(n) more requests for each. What is written twice on
// the way is the same points again.
func (b *batch) write(ctx context.Context, lo, hi int, write func(context.Context, []byte) error) error {
	if lo == hi {
		return nil
	}
	start := 0
	if lo > 0 {
		start = b.ends[lo-1]
	}
	err := write(ctx, b.line.buf[start:b.ends[hi-1]])
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, fault.ErrRejected):
		return err
	case hi-lo == 1:
		b.bad = append(b.bad, refusal{b.records[lo], err})
		return nil
	}
	middle := lo + (hi-lo)/2
	if err := b.write(ctx, lo, middle, write); err != nil {
		return err
	}
	return b.write(ctx, middle, hi, write)
}
