package stream

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"sync"
)

// event is one server-sent event, made once for all who follow.
type event struct {
	plain []byte

	once   sync.Once
	packed []byte
}

// bytes are the event as it goes over the wire. Packed ones are whole deflate blocks that look back at nothing before
// them, so that the same bytes stand in everybody's compressed stream wherever it began.
func (e *event) bytes(packed bool) []byte {
	if !packed {
		return e.plain
	}
	e.once.Do(func() { e.packed = deflate(e.plain) })
	return e.packed
}

// packedHead begins a gzip stream. It never ends, so its checksum never comes.
const packedHead = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

func deflate(plain []byte) []byte {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.DefaultCompression)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		panic(err) // a buffer takes everything, and the level is a good one
	}
	return out.Bytes()
}

// message writes an event. The data is one line: JSON as package json writes it.
func message(kind, id string, data []byte) *event {
	out := make([]byte, 0, len(data)+len(id)+len(kind)+32)
	if id != "" {
		out = append(append(append(out, "id: "...), id...), '\n')
	}
	out = append(append(append(out, "event: "...), kind...), "\ndata: "...)
	return &event{plain: append(append(out, data...), "\n\n"...)}
}

// patch writes what changed: {version, now, set, gone}.
func patch(version uint64, now int64, set map[string]json.RawMessage, gone []string) []byte {
	out := append([]byte(`{"version":`), strconv.FormatUint(version, 10)...)
	out = append(append(out, `,"now":`...), strconv.FormatInt(now, 10)...)
	if len(set) > 0 {
		out = append(out, `,"set":{`...)
		for i, path := range slices.Sorted(maps.Keys(set)) {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(append(quote(out, path), ':'), set[path]...)
		}
		out = append(out, '}')
	}
	if len(gone) > 0 {
		slices.Sort(gone)
		out = append(out, `,"gone":[`...)
		for i, path := range gone {
			if i > 0 {
				out = append(out, ',')
			}
			out = quote(out, path)
		}
		out = append(out, ']')
	}
	return append(out, '}')
}

func quote(out []byte, text string) []byte {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string can always be written
	}
	return append(out, quoted...)
}
