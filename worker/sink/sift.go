package sink

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/influx"
)

// sifter finds the records of a batch that InfluxDB will never take, in few requests: a day of readings that are older
// than the retention must not hold up the partition.
//
// Whom a refusal names (the oldest points, those with a field of another type) is written apart from the others. Where
// InfluxDB dropped every line there is nothing left to find. Else halves find the bad ones, about 2·log2(n) more
// requests for each.
type sifter struct {
	batch *batch
	write func(context.Context, []byte) error
	buf   []byte
}

// try writes some records.
func (s *sifter) try(ctx context.Context, records []int) error {
	if len(records) == 0 {
		return nil
	}
	s.buf = s.buf[:0]
	for _, record := range records {
		s.buf = append(s.buf, s.batch.lines(record)...)
	}
	err := s.write(ctx, s.buf)
	if !errors.Is(err, fault.ErrRejected) {
		return err
	}
	return s.split(ctx, records, err)
}

// split deals with records of which at least one was refused.
func (s *sifter) split(ctx context.Context, records []int, refused error) error {
	var partial *influx.Partial
	known := errors.As(refused, &partial)
	if len(records) == 1 || known && partial.Dropped >= s.lines(records) {
		for _, record := range records {
			s.batch.bad = append(s.batch.bad, refusal{s.batch.records[record], refused})
		}
		return nil
	}
	suspects, others := records[:len(records)/2], records[len(records)/2:]
	if known {
		if some, rest := s.suspects(records, partial); len(some) > 0 && len(rest) > 0 {
			suspects, others = some, rest
		}
	}
	if err := s.try(ctx, others); err != nil {
		return err
	}
	return s.try(ctx, suspects)
}

func (s *sifter) lines(records []int) int {
	n := 0
	for _, record := range records {
		n += bytes.Count(s.batch.lines(record), []byte{'\n'})
	}
	return n
}

// suspects are those that a refusal means, as far as it says so.
func (s *sifter) suspects(records []int, p *influx.Partial) (some, rest []int) {
	switch {
	case p.TooOld:
		byTime := slices.Clone(records)
		slices.SortStableFunc(byTime, func(a, b int) int {
			return cmp.Compare(stamp(s.batch.lines(a)), stamp(s.batch.lines(b)))
		})
		n := 0
		for dropped := 0; n < len(byTime) && dropped < p.Dropped; n++ {
			dropped += s.lines(byTime[n : n+1])
		}
		return byTime[:n], byTime[n:]
	case p.Measurement != "" && p.Field != "":
		for _, record := range records {
			if mentions(s.batch.lines(record), p.Measurement, p.Field) {
				some = append(some, record)
			} else {
				rest = append(rest, record)
			}
		}
	}
	return some, rest
}

// stamp is the time of a record's first line, ms; all its lines have the same.
func stamp(lines []byte) int64 {
	first, _, _ := bytes.Cut(lines, []byte{'\n'})
	millis, err := strconv.ParseInt(string(first[bytes.LastIndexByte(first, ' ')+1:]), 10, 64)
	if err != nil {
		return 0
	}
	return millis
}

// mentions says whether a line of a measurement has a field. Saying so wrongly costs a request.
func mentions(lines []byte, measurement, field string) bool {
	for line := range bytes.Lines(lines) {
		rest, found := bytes.CutPrefix(line, []byte(measurement))
		if found && (rest[0] == ',' || rest[0] == ' ') &&
			(bytes.Contains(rest, []byte(" "+field+"=")) || bytes.Contains(rest, []byte(","+field+"="))) {
			return true
		}
	}
	return false
}
