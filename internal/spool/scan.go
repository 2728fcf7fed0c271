package spool

// scanned is what a segment's bytes hold. Records are counted, not kept: a segment has some 50,000.
type scanned struct {
	codec   *codec
	start   int64 // where the records begin
	count   int
	next    uint64 // the sequence number after the last record; the first's when there is none
	spans   []span // of whole good records, in order
	reason  string // of the first damage; empty when there is none
	good    int64  // bytes before the first damage
	resumed bool   // good records follow the first damage
	headed  bool   // only the header has damage
}

type span struct{ from, to int64 }

// scan looks at all records of a segment, and calls visit (if not nil) with each record's sequence number and place.
// After damage it goes on at the next whole record. Sequence numbers have to rise: what does not is damage.
func scan(data []byte, first uint64, visit func(sequence uint64, payload []byte, offset int64)) scanned {
	out := scanned{next: first}
	codec, start, whole, err := decodeHeader(data)
	if err != nil {
		// Without a header nobody can say what the records mean.
		out.reason = err.Error()
		return out
	}
	out.codec, out.start = codec, start
	if !whole {
		out.reason, out.headed = "one copy of its header is damaged", true
	}
	broken := false
	for at := start; at < int64(len(data)); {
		sequence, payload, n, err := record(data[at:], first, out.next)
		if err != nil {
			if !broken {
				broken, out.reason, out.good = true, err.Error(), at
			}
			at = resync(data, at+1, first, out.next)
			continue
		}
		if visit != nil {
			visit(sequence, payload, at)
		}
		out.resumed = broken
		out.count++
		out.next = sequence + 1
		if last := len(out.spans) - 1; last >= 0 && out.spans[last].to == at {
			out.spans[last].to = at + n
		} else {
			out.spans = append(out.spans, span{at, at + n})
		}
		at += n
	}
	if broken {
		out.headed = false
	}
	return out
}

// record reads the place of the record that begins data. The sequence has to be at least next.
func record(data []byte, first, next uint64) (sequence uint64, payload []byte, n int64, err error) {
	payload, length, err := frame(data)
	if err != nil {
		return 0, nil, 0, err
	}
	sequence, err = sequenceOf(payload)
	if err == nil && first+sequence < next {
		err = errDamaged
	}
	return first + sequence, payload, int64(length), err
}

// resync is the next offset, from at on, where a whole good record begins, or the end.
func resync(data []byte, at int64, first, next uint64) int64 {
	for ; at < int64(len(data)); at++ {
		if _, _, _, err := record(data[at:], first, next); err == nil {
			return at
		}
	}
	return int64(len(data))
}
