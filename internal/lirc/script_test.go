package lirc

import (
	"bufio"
	"net"
	"path/filepath"
	"sync"
	"testing"
)

// script is a lircd whose every word is written in the test. answer is called with each command and the connection;
// what it returns is written, and false ends the connection.
type script struct {
	t      *testing.T
	path   string
	answer func(command string, conn net.Conn) (string, bool)

	mu       sync.Mutex
	listener net.Listener
	conns    []net.Conn
	dials    int
	commands []string
}

func newScript(t *testing.T, answer func(command string, conn net.Conn) (string, bool)) *script {
	s := &script{t: t, path: filepath.Join(t.TempDir(), "lircd"), answer: answer}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *script) start() {
	s.t.Helper()
	listener, err := net.Listen("unix", s.path)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	s.listener = listener
	s.mu.Unlock()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.dials++
			s.mu.Unlock()
			go s.serve(conn)
		}
	}()
}

func (s *script) serve(conn net.Conn) {
	defer conn.Close()
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		s.mu.Lock()
		s.commands = append(s.commands, lines.Text())
		s.mu.Unlock()
		text, goOn := s.answer(lines.Text(), conn)
		if _, err := conn.Write([]byte(text)); err != nil || !goOn {
			return
		}
	}
}

// stop ends the lircd and its connections.
func (s *script) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listener.Close()
	for _, c := range s.conns {
		c.Close()
	}
	s.conns = nil
}

func (s *script) broadcast(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.Write([]byte(text))
	}
}

func (s *script) count() (dials, commands int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dials, len(s.commands)
}

func (s *script) client() *Client {
	c := NewClient(Address{Network: "unix", Host: s.path})
	s.t.Cleanup(func() { c.Close() })
	return c
}

func success(command string, data ...string) string {
	return packet(command, "SUCCESS", data...)
}

func packet(command, result string, data ...string) string {
	text := "BEGIN\n" + command + "\n" + result + "\n"
	if len(data) > 0 {
		text += "DATA\n" + string(rune('0'+len(data))) + "\n"
		for _, d := range data {
			text += d + "\n"
		}
	}
	return text + "END\n"
}
