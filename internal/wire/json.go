package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/overcloud/overcloud/internal/fault"
)

// Validator is a record that knows what it may not say. Errors are ErrInvalid, all faults joined.
type Validator interface{ Validate() error }

// Encode is the JSON value of a record of this package. A record that passes Validate always encodes; one
// that cannot (a policy that is no JSON) is a programming error and panics, since an empty value would be
// a tombstone to Kafka.
func Encode(v any) []byte {
	value, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	return value
}

// Decode reads one JSON record and validates it. Fields it does not know are passed over, so that an older
// reader understands a newer writer. Errors are ErrInvalid.
func Decode[T Validator](value []byte) (T, error) {
	var record, none T
	if len(value) > MaxRecordBytes {
		return none, refused("a record of %d bytes is longer than %d", len(value), MaxRecordBytes)
	}
	decoder := json.NewDecoder(bytes.NewReader(value))
	if err := decoder.Decode(&record); err != nil {
		if errors.Is(err, fault.ErrInvalid) {
			return none, err
		}
		return none, refused("not the JSON of a %s: %s", noun(none), strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return none, refused("something follows the JSON of a %s", noun(none))
	}
	if err := record.Validate(); err != nil {
		return none, err
	}
	return record, nil
}

func noun(record any) string {
	name := fmt.Sprintf("%T", record)
	return strings.ToLower(name[strings.LastIndexByte(name, '.')+1:])
}

// ControlKey is the key of the control and ack topics: room/ac.
func ControlKey(room, ac string) []byte { return []byte(room + "/" + ac) }

// ParseControlKey takes a key of the control and ack topics apart. Errors are ErrInvalid.
func ParseControlKey(key []byte) (room, ac string, err error) {
	room, ac, found := strings.Cut(string(key), "/")
	if !found {
		return "", "", refused("key %.80q is not room/ac", key)
	}
	if err := errors.Join(checkName("room", room), checkName("ac", ac)); err != nil {
		return "", "", err
	}
	return room, ac, nil
}
