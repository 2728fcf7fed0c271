//go:build integration

package lab_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

// awaitLine reads until a line is exactly this, then goes on reading so that nobody blocks.
func awaitLine(t *testing.T, from io.Reader, want string) {
	t.Helper()
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		if lines.Text() == want {
			go io.Copy(io.Discard, from)
			return
		}
		t.Log(lines.Text())
	}
	t.Fatalf("no line %q", want)
}

// lastError reads a pull's stream and gives the error that it ends with, or nil.
func lastError(stream io.Reader) error {
	decoder := json.NewDecoder(stream)
	var fault error
	for {
		var line struct {
			Error string `json:"error"`
		}
		err := decoder.Decode(&line)
		if errors.Is(err, io.EOF) {
			return fault
		}
		if err != nil {
			return err
		}
		if line.Error != "" {
			fault = errors.New(line.Error)
		}
	}
}

// crlf undoes what a terminal does to line ends.
func crlf(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }
