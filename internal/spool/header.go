package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// A segment begins with its header, twice, so that one damaged byte does not make the whole segment unreadable:
// magic, length of the payload (uint32 LE), its CRC-32C (uint32 LE), payload. The payload is the time (ms, varint)
// that times are counted from, the number of words and each with its length, and to its end the samples.
const (
	magic          = "OCQ2"
	headBytes      = len(magic) + 8
	maxHeaderBytes = 64 << 10
	maxWords       = 64
	maxWordBytes   = 64
	maxSamples     = 3
	maxSampleBytes = 2048 // of one; a deflate without state looks back 8 KiB at most
)

var errNoHeader = errors.New("no whole header")

func encodeHeader(c *codec) []byte {
	payload := binary.AppendVarint(nil, c.base)
	payload = binary.AppendUvarint(payload, uint64(len(c.words)))
	for _, word := range c.words {
		payload = binary.AppendUvarint(payload, uint64(len(word)))
		payload = append(payload, word...)
	}
	payload = append(payload, c.samples...)
	one := append([]byte(magic), make([]byte, 8)...)
	binary.LittleEndian.PutUint32(one[len(magic):], uint32(len(payload))) // at most 64 KiB
	binary.LittleEndian.PutUint32(one[len(magic)+4:], checksum(payload))
	one = append(one, payload...)
	return append(one, one...)
}

// decodeHeader reads the header that begins data. Start is where the records begin, whole says that both copies
// are good.
func decodeHeader(data []byte) (c *codec, start int64, whole bool, err error) {
	for at := 0; at+headBytes <= len(data) && at < maxHeaderBytes; at++ {
		found := bytes.Index(data[at:], []byte(magic))
		if found < 0 {
			break
		}
		at += found
		payload, ok := headerPayload(data[at:])
		if !ok {
			continue
		}
		if c, err = parseHeader(payload); err != nil {
			return nil, 0, false, err
		}
		size := headBytes + len(payload)
		if at != 0 && at != size { // what stands before the second copy is the first one
			return nil, 0, false, fmt.Errorf("%w: it lies %d bytes deep", errNoHeader, at)
		}
		start = min(int64(len(data)), int64(2*size))
		second, ok := headerPayload(data[min(size, len(data)):])
		return c, start, at == 0 && ok && bytes.Equal(second, payload), nil
	}
	return nil, 0, false, errNoHeader
}

func headerPayload(data []byte) ([]byte, bool) {
	if len(data) < headBytes || string(data[:len(magic)]) != magic {
		return nil, false
	}
	n := binary.LittleEndian.Uint32(data[len(magic):])
	if n > maxHeaderBytes || int(n) > len(data)-headBytes {
		return nil, false
	}
	payload := data[headBytes : headBytes+int(n)]
	return payload, checksum(payload) == binary.LittleEndian.Uint32(data[len(magic)+4:])
}

func parseHeader(payload []byte) (*codec, error) {
	p := parser{data: payload}
	base, n := p.signed(), p.number()
	if n > maxWords {
		return nil, fmt.Errorf("%w: %d words", errNoHeader, n)
	}
	words := make([]string, 0, n)
	for range n {
		size := p.number()
		if p.bad || size > uint64(len(p.data)) {
			return nil, fmt.Errorf("%w: its words do not parse", errNoHeader)
		}
		words = append(words, string(p.data[:size]))
		p.data = p.data[size:]
	}
	return newCodec(base, words, bytes.Clone(p.data)), nil
}

// vocabulary collects what the next segment's header shall know.
type vocabulary struct {
	words   []string
	known   map[string]bool
	samples []sample
}

type sample struct{ key, value []byte }

// A segment without words or samples ends early, so that the next one's records are short.
const (
	wordlessMost   = 500      // records
	samplelessMost = 32 << 10 // bytes
)

func (v *vocabulary) learn(r Record) {
	v.word(string(r.Key))
	for name, value := range r.Headers {
		v.word(name)
		v.word(value)
	}
	if len(r.Value) < deflateFrom {
		return
	}
	value := r.Value[:min(len(r.Value), maxSampleBytes)]
	for i := range v.samples {
		if bytes.Equal(v.samples[i].key, r.Key) {
			v.samples[i].value = append(v.samples[i].value[:0], value...)
			return
		}
	}
	if len(v.samples) < maxSamples {
		v.samples = append(v.samples, sample{bytes.Clone(r.Key), bytes.Clone(value)})
	}
}

func (v *vocabulary) word(word string) {
	if v.known[word] || len(word) > maxWordBytes || len(v.words) == maxWords {
		return
	}
	if v.known == nil {
		v.known = map[string]bool{}
	}
	v.known[word] = true
	v.words = append(v.words, word)
}

// adopt takes what an earlier header knew.
func (v *vocabulary) adopt(c *codec) {
	for _, word := range c.words {
		v.word(word)
	}
	if len(v.samples) == 0 && len(c.samples) > 0 {
		v.samples = append(v.samples, sample{nil, bytes.Clone(c.samples[max(0, len(c.samples)-maxSampleBytes):])})
	}
}

// outgrew says that the segment's records would be a good deal shorter under a new header.
func (v *vocabulary) outgrew(g *segment) bool {
	if len(g.codec.words) == 0 && len(v.words) > 0 && g.count > wordlessMost {
		return true
	}
	return len(g.codec.samples) == 0 && len(v.samples) > 0 && g.size > samplelessMost
}

func (v *vocabulary) codec(at time.Time) *codec {
	var samples []byte
	for _, s := range v.samples {
		samples = append(samples, s.value...)
	}
	return newCodec(max(0, at.UnixMilli()), append([]string(nil), v.words...), samples)
}
