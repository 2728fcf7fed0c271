package lirc

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Broadcast is one key that lircd heard and recognised.
type Broadcast struct {
	Remote, Key string
	Repeat      int // 0 for the first, rising while the key is held down
}

// reply is lircd's answer to one command.
type reply struct {
	command string // echoed
	ok      bool
	data    []string
}

// What a lircd may say at most before it is taken for something else. Its own packets are 256 bytes a line; a list of
// keys is as long as the remote.
const (
	longestLine = 4096
	mostData    = 100_000
	mostBytes   = 1 << 20 // of one reply's data: 20,000 keys
)

// errNotLircd is an answer that lircd would never give.
var errNotLircd = errors.New("this does not talk like lircd")

// stream takes what lircd writes apart. Between packets there may be broadcasts and SIGHUP packets at any point.
type stream struct {
	lines     *bufio.Reader
	broadcast func(Broadcast)
	reloaded  func() // lircd read its configuration again
}

func newStream(r io.Reader, broadcast func(Broadcast), reloaded func()) *stream {
	return &stream{lines: bufio.NewReaderSize(r, longestLine), broadcast: broadcast, reloaded: reloaded}
}

// next reads up to the end of the next reply and hands out everything that came before it.
func (s *stream) next() (reply, error) {
	for {
		line, err := s.line()
		if err != nil {
			return reply{}, err
		}
		if line != "BEGIN" {
			continue // noise between packets: a newer lircd may say more than we know
		}
		command, err := s.line()
		if err != nil {
			return reply{}, err
		}
		if command != "SIGHUP" {
			return s.body(command)
		}
		if err := s.expect("END"); err != nil {
			return reply{}, err
		}
		s.reloaded()
	}
}

// body reads SUCCESS or ERROR, the data if any, and END.
func (s *stream) body(command string) (reply, error) {
	r := reply{command: command}
	line, err := s.line()
	if err != nil {
		return r, err
	}
	switch line {
	case "SUCCESS":
		r.ok = true
	case "ERROR":
	default:
		return r, fmt.Errorf("%w: %q is neither SUCCESS nor ERROR", errNotLircd, line)
	}
	if line, err = s.line(); err != nil || line == "END" {
		return r, err
	}
	if line != "DATA" {
		return r, fmt.Errorf("%w: %q is neither DATA nor END", errNotLircd, line)
	}
	if line, err = s.line(); err != nil {
		return r, err
	}
	n, err := strconv.Atoi(line)
	if err != nil || n < 0 || n > mostData {
		return r, fmt.Errorf("%w: %q is no number of lines", errNotLircd, line)
	}
	size := 0
	for range n {
		if line, err = s.raw(); err != nil {
			return r, err
		}
		if size += len(line); size > mostBytes {
			return r, fmt.Errorf("%w: a reply has more than %d bytes", errNotLircd, mostBytes)
		}
		r.data = append(r.data, line)
	}
	return r, s.expect("END")
}

func (s *stream) expect(want string) error {
	line, err := s.line()
	if err == nil && line != want {
		return fmt.Errorf("%w: %q is no %s", errNotLircd, line, want)
	}
	return err
}

// line is the next line that is no broadcast. lircd promises that none comes inside a packet; outside of its data
// they are told apart anyhow.
func (s *stream) line() (string, error) {
	for {
		line, err := s.raw()
		if err != nil {
			return "", err
		}
		b, ok := parseBroadcast(line)
		if !ok {
			return line, nil
		}
		s.broadcast(b)
	}
}

func (s *stream) raw() (string, error) {
	line, err := s.lines.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", fmt.Errorf("%w: a line is longer than %d bytes", errNotLircd, longestLine)
	case err != nil:
		return "", err
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}

// parseBroadcast reads "<16 hex digits> <repeat, hex> <key> <remote>".
func parseBroadcast(line string) (Broadcast, bool) {
	f := strings.Fields(line)
	if len(f) != 4 || len(f[0]) != 16 {
		return Broadcast{}, false
	}
	if _, err := strconv.ParseUint(f[0], 16, 64); err != nil {
		return Broadcast{}, false
	}
	repeat, err := strconv.ParseUint(f[1], 16, 31)
	if err != nil {
		return Broadcast{}, false
	}
	return Broadcast{Remote: f[3], Key: f[2], Repeat: int(repeat)}, true
}
