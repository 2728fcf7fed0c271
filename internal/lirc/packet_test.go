package lirc

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// counted counts what is read of it.
type counted struct {
	io.Reader
	bytes int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.bytes += n
	return n, err
}

// Whoever answers at lircd's address may be anything; 100,000 lines of 4,000 bytes would be more than a Pi has.
func TestAReplyFillsNoMemory(t *testing.T) {
	line := strings.Repeat("x", 4000) + "\n"
	for name, text := range map[string]string{
		"long lines":     "BEGIN\nLIST\nSUCCESS\nDATA\n100000\n" + strings.Repeat(line, 1000),
		"too many lines": "BEGIN\nLIST\nSUCCESS\nDATA\n100001\n" + strings.Repeat("x\n", 100_001) + "END\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := &counted{Reader: strings.NewReader(text)}
			_, err := newStream(r, func(Broadcast) {}, func() {}).next()
			if !errors.Is(err, errNotLircd) || r.bytes > 2<<20 {
				t.Errorf("%d bytes read: %v", r.bytes, err)
			}
		})
	}
}
