package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/overcloud/overcloud/internal/fault"
)

// A WebP file is a RIFF: "RIFF", its length, "WEBP", then chunks of a four-letter name, a length and a body. The first
// chunk says how large the picture is, in one of three ways (RFC 9649).

func isWebP(body []byte) bool {
	return len(body) >= 12 && bytes.Equal(body[:4], []byte("RIFF")) && bytes.Equal(body[8:12], []byte("WEBP"))
}

// webp reads width and height, px.
func webp(body []byte) (width, height int, err error) {
	damaged := fmt.Errorf("%w: the picture is damaged: its WebP header cannot be read", fault.ErrInvalid)
	if len(body) < 30 {
		return 0, 0, damaged
	}
	chunk := body[20:]
	switch string(body[12:16]) {
	case "VP8 ": // lossy: frame tag of 3 bytes, start code, 14 bits each
		if !bytes.Equal(chunk[3:6], []byte{0x9d, 0x01, 0x2a}) {
			return 0, 0, damaged
		}
		return int(binary.LittleEndian.Uint16(chunk[6:]) & 0x3fff), int(binary.LittleEndian.Uint16(chunk[8:]) & 0x3fff), nil
	case "VP8L": // lossless: a signature, then 14 bits each, less one
		if chunk[0] != 0x2f {
			return 0, 0, damaged
		}
		bits := binary.LittleEndian.Uint32(chunk[1:])
		return int(bits&0x3fff) + 1, int(bits>>14&0x3fff) + 1, nil
	case "VP8X": // extended: flags, 3 bytes kept free, 24 bits each, less one
		return threeBytes(chunk[4:]) + 1, threeBytes(chunk[7:]) + 1, nil
	}
	return 0, 0, damaged
}

func threeBytes(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
