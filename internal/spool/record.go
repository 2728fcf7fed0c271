package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"time"
)

// On disk a record is: payload length (uint32 LE), CRC-32C of the payload (uint32 LE), payload. The payload is
// sequence number and time (Unix ms), both as uvarint, then key, value, the number of headers and their names
// and values, each string with its length as uvarint.
const (
	headBytes      = 8
	maxRecordBytes = 1 << 20
)

var errDamaged = errors.New("damaged record")

func encode(dst []byte, sequence uint64, r Record) ([]byte, error) {
	start := len(dst)
	dst = append(dst, make([]byte, headBytes)...)
	dst = binary.AppendUvarint(dst, sequence)
	dst = binary.AppendUvarint(dst, uint64(max(0, r.Time.UnixMilli()))) // never negative
	dst = appendBytes(dst, r.Key)
	dst = appendBytes(dst, r.Value)
	dst = binary.AppendUvarint(dst, uint64(len(r.Headers)))
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		dst = appendBytes(dst, []byte(name))
		dst = appendBytes(dst, []byte(r.Headers[name]))
	}
	payload := dst[start+headBytes:]
	if len(payload) > maxRecordBytes {
		return nil, fmt.Errorf("a record of %d bytes is longer than %d", len(payload), maxRecordBytes)
	}
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(payload))) // at most 1 MiB
	binary.LittleEndian.PutUint32(dst[start+4:], checksum(payload))
	return dst, nil
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

func checksum(payload []byte) uint32 {
	return crc32.Checksum(payload, crc32.MakeTable(crc32.Castagnoli))
}

// frame is the length of the record that begins data, head and payload, or an error when data is too short
// or the length makes no sense.
func frame(data []byte) (int, error) {
	if len(data) < headBytes {
		return 0, fmt.Errorf("%w: %d bytes left", errDamaged, len(data))
	}
	n := int(binary.LittleEndian.Uint32(data))
	if n == 0 || n > maxRecordBytes || headBytes+n > len(data) {
		return 0, fmt.Errorf("%w: length %d with %d bytes left", errDamaged, n, len(data)-headBytes)
	}
	return headBytes + n, nil
}

// decode reads the record that is exactly data.
func decode(data []byte) (uint64, Record, error) {
	payload := data[headBytes:]
	if checksum(payload) != binary.LittleEndian.Uint32(data[4:]) {
		return 0, Record{}, fmt.Errorf("%w: wrong checksum", errDamaged)
	}
	p := parser{data: payload}
	sequence, millis := p.number(), p.number()
	r := Record{Time: time.UnixMilli(int64(millis)), Key: p.bytes(), Value: p.bytes()} // we wrote it
	for n := p.number(); n > 0 && !p.bad; n-- {
		if r.Headers == nil {
			r.Headers = map[string]string{}
		}
		name := string(p.bytes())
		r.Headers[name] = string(p.bytes())
	}
	if p.bad || len(p.data) > 0 {
		return 0, Record{}, fmt.Errorf("%w: payload does not parse", errDamaged)
	}
	return sequence, r, nil
}

type parser struct {
	data []byte
	bad  bool
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

func (p *parser) bytes() []byte {
	n := p.number()
	if n > uint64(len(p.data)) {
		p.bad, p.data = true, nil
		return nil
	}
	b := append([]byte(nil), p.data[:n]...)
	p.data = p.data[n:]
	return b
}
