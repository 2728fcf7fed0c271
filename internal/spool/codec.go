package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/flate"
)

// On disk a record is: length of the payload (uvarint), CRC-32C of the payload (uint32 LE), payload. The payload
// is one byte of flags; sequence number and time (ms), each less that of the segment; key; headers where the flag
// says so; and to its end the value. Keys, header names and header values are words: a number of the segment's
// vocabulary plus one, or zero and the text with its length.
//
// A reading of 26 bytes takes 20 so, a JSON record with the segment's samples as a dictionary about a fifth.
const (
	maxRecordBytes = 512 << 10 // of a payload; the records of package wire have at most 256 KiB
	checksumBytes  = 4
	// Below this, deflating costs more than it saves.
	deflateFrom = 128
)

// The flags of a payload. Others are damage.
const (
	flagHeaders  = 1 << iota
	flagTimed    // the value began with the record's own time in ms and a comma; that is left out
	flagNumerals // two characters of the value in one byte, see numerals
	flagDeflated // the value is deflated with the segment's samples as a dictionary
	flagsKnown   = 1<<iota - 1
)

var errDamaged = errors.New("damaged record")

var castagnoli = crc32.MakeTable(crc32.Castagnoli) //nolint:gochecknoglobals // a table that nobody writes

// codec writes and reads the records of one segment.
type codec struct {
	base    int64 // ms; times are written as what they are more
	words   []string
	numbers map[string]uint64 // of words
	samples []byte            // values that others resemble
	buffer  bytes.Buffer
	inflate io.ReadCloser
}

func newCodec(base int64, words []string, samples []byte) *codec {
	c := &codec{base: base, words: words, samples: samples, numbers: make(map[string]uint64, len(words))}
	for i, word := range words {
		c.numbers[word] = uint64(i)
	}
	return c
}

// encode appends a record to dst. The sequence counts from the segment's first.
func (c *codec) encode(dst []byte, sequence uint64, r Record) ([]byte, error) {
	const room = binary.MaxVarintLen32 + checksumBytes
	start := len(dst)
	dst = append(dst, make([]byte, room)...)
	millis := max(0, r.Time.UnixMilli())
	flags, value := c.pack(millis, r.Value)
	if len(r.Headers) > 0 {
		flags |= flagHeaders
	}
	dst = append(dst, flags)
	dst = binary.AppendUvarint(dst, sequence)
	dst = binary.AppendVarint(dst, millis-c.base)
	dst = c.appendWord(dst, string(r.Key))
	if len(r.Headers) > 0 {
		dst = binary.AppendUvarint(dst, uint64(len(r.Headers)))
		for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
			dst = c.appendWord(dst, name)
			dst = c.appendWord(dst, r.Headers[name])
		}
	}
	dst = append(dst, value...)
	payload := dst[start+room:]
	if len(payload) > maxRecordBytes || len(r.Value) > maxRecordBytes {
		return nil, fmt.Errorf("a record of %d bytes is longer than %d", len(r.Value), maxRecordBytes)
	}
	// The head is shorter than the room that was kept for it: it goes right before the payload.
	var head [room]byte
	n := binary.PutUvarint(head[:], uint64(len(payload)))
	binary.LittleEndian.PutUint32(head[n:], checksum(payload))
	n += checksumBytes
	copy(dst[start:], head[:n])
	copy(dst[start+n:], payload)
	return dst[:start+n+len(payload)], nil
}

// pack finds the shortest form of a value.
func (c *codec) pack(millis int64, value []byte) (flags byte, packed []byte) {
	var digits [20]byte
	if own := strconv.AppendInt(digits[:0], millis, 10); len(value) > len(own) && value[len(own)] == ',' && bytes.HasPrefix(value, own) {
		flags, value = flagTimed, value[len(own)+1:]
	}
	if len(value) < deflateFrom {
		if packed, ok := packNumerals(value); ok {
			return flags | flagNumerals, packed
		}
		return flags, value
	}
	c.buffer.Reset()
	if err := flate.StatelessDeflate(&c.buffer, value, true, c.samples); err == nil && c.buffer.Len() < len(value) {
		return flags | flagDeflated, c.buffer.Bytes()
	}
	return flags, value
}

func (c *codec) appendWord(dst []byte, word string) []byte {
	if number, known := c.numbers[word]; known {
		return binary.AppendUvarint(dst, number+1)
	}
	dst = binary.AppendUvarint(append(dst, 0), uint64(len(word)))
	return append(dst, word...)
}

func checksum(payload []byte) uint32 { return crc32.Checksum(payload, castagnoli) }

// frame finds the payload of the record that begins data and the length of both, or says why there is none.
func frame(data []byte) (payload []byte, length int, err error) {
	size, n := binary.Uvarint(data)
	switch left := uint64(max(0, len(data)-n-checksumBytes)); {
	case n <= 0 || n > binary.MaxVarintLen32 || len(data) < n+checksumBytes:
		return nil, 0, fmt.Errorf("%w: %d bytes left", errDamaged, len(data))
	case size == 0 || size > maxRecordBytes || size > left:
		return nil, 0, fmt.Errorf("%w: length %d with %d bytes left", errDamaged, size, left)
	}
	length = n + checksumBytes + int(size)
	payload = data[n+checksumBytes : length]
	if payload[0] > flagsKnown {
		return nil, 0, fmt.Errorf("%w: unknown flags", errDamaged)
	}
	if checksum(payload) != binary.LittleEndian.Uint32(data[n:]) {
		return nil, 0, fmt.Errorf("%w: wrong checksum", errDamaged)
	}
	return payload, length, nil
}

// sequenceOf is a payload's sequence number, counted from the segment's first.
func sequenceOf(payload []byte) (uint64, error) {
	sequence, n := binary.Uvarint(payload[1:])
	if n <= 0 || sequence > 1<<40 {
		return 0, fmt.Errorf("%w: no sequence number", errDamaged)
	}
	return sequence, nil
}

// decode reads a payload. What the record holds lies in the arena, which is returned grown.
func (c *codec) decode(payload, arena []byte) (uint64, Record, []byte, error) {
	p := parser{data: payload, codec: c, arena: arena}
	flags := p.data[0]
	p.data = p.data[1:]
	sequence := p.number()
	millis := c.base + p.signed()
	r := Record{Time: time.UnixMilli(millis), Key: p.word()}
	if flags&flagHeaders != 0 {
		for n := p.number(); n > 0 && !p.bad; n-- {
			if r.Headers == nil {
				r.Headers = map[string]string{}
			}
			name := string(p.word())
			r.Headers[name] = string(p.word())
		}
	}
	start := len(p.arena)
	if flags&flagTimed != 0 {
		p.arena = append(strconv.AppendInt(p.arena, millis, 10), ',')
	}
	p.value(flags)
	if p.bad {
		return 0, Record{}, arena, fmt.Errorf("%w: payload does not parse", errDamaged)
	}
	r.Value = p.arena[start:len(p.arena):len(p.arena)]
	return sequence, r, p.arena, nil
}

type parser struct {
	data  []byte
	codec *codec
	arena []byte
	bad   bool
}

func (p *parser) number() uint64 {
	v, n := binary.Uvarint(p.data)
	if n <= 0 {
		p.bad, p.data = true, nil
		return 0
	}
	p.data = p.data[n:]
	return v
}

func (p *parser) signed() int64 {
	v, n := binary.Varint(p.data)
	if n <= 0 {
		p.bad, p.data = true, nil
		return 0
	}
	p.data = p.data[n:]
	return v
}

// word reads one into the arena. An empty one is not nil: a record's key says that there is none by being empty.
func (p *parser) word() []byte {
	number, start := p.number(), len(p.arena)
	switch {
	case p.bad || number > uint64(len(p.codec.words)):
		p.bad = true
	case number > 0:
		p.arena = append(p.arena, p.codec.words[number-1]...)
	default:
		n := p.number()
		if n > uint64(len(p.data)) {
			p.bad, p.data = true, nil
			break
		}
		p.arena = append(p.arena, p.data[:n]...)
		p.data = p.data[n:]
	}
	return p.arena[start:len(p.arena):len(p.arena)]
}

// value reads what is left of the payload.
func (p *parser) value(flags byte) {
	switch {
	case flags&flagDeflated != 0:
		p.bad = p.bad || !p.unfold()
	case flags&flagNumerals != 0:
		p.arena = unpackNumerals(p.arena, p.data)
	default:
		p.arena = append(p.arena, p.data...)
	}
}

func (p *parser) unfold() bool {
	c := p.codec
	source := bytes.NewReader(p.data)
	if c.inflate == nil {
		c.inflate = flate.NewReaderDict(source, c.samples)
	} else if err := c.inflate.(flate.Resetter).Reset(source, c.samples); err != nil { //nolint:forcetypeassert // its documentation says so
		return false
	}
	c.buffer.Reset()
	if _, err := c.buffer.ReadFrom(io.LimitReader(c.inflate, maxRecordBytes)); err != nil {
		return false
	}
	p.arena = append(p.arena, c.buffer.Bytes()...)
	return true
}

// numerals are the characters of a CSV line of numbers; the sixteenth stands for no character, at the end.
const numerals = "0123456789,.-+e"

// packNumerals writes two characters to a byte, if all of them are numerals.
func packNumerals(value []byte) ([]byte, bool) {
	packed := make([]byte, 0, (len(value)+1)/2)
	for i, c := range value {
		digit := strings.IndexByte(numerals, c)
		if digit < 0 {
			return nil, false
		}
		if i%2 == 0 {
			packed = append(packed, byte(digit)<<4|0x0F)
		} else {
			packed[i/2] = packed[i/2]&0xF0 | byte(digit)
		}
	}
	return packed, true
}

func unpackNumerals(dst, packed []byte) []byte {
	for _, b := range packed {
		for _, digit := range [2]byte{b >> 4, b & 0x0F} {
			if int(digit) < len(numerals) {
				dst = append(dst, numerals[digit])
			}
		}
	}
	return dst
}
