package mail

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
)

// smtpServer is the little of an SMTP server that a client needs.
type smtpServer struct {
	address string
	// refuse answers a command (by its first word) with something else than 250.
	refuse map[string]string
	// tls offers STARTTLS, and fails at it.
	tls bool

	mu       sync.Mutex
	messages []string
	rcpts    []string
}

func newServer(t *testing.T, refuse map[string]string, tls bool) *smtpServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &smtpServer{address: listener.Addr().String(), refuse: refuse, tls: tls}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

func (s *smtpServer) serve(conn net.Conn) {
	defer conn.Close()
	reader := bufio.NewReader(conn)
	say := func(text string) { fmt.Fprintf(conn, "%s\r\n", text) }
	say("220 test ESMTP")
	for {
		text, err := reader.ReadString('\n')
		if err != nil {
			return
		}
		word := strings.ToUpper(strings.Fields(text + " x")[0])
		if answer, ok := s.refuse[word]; ok {
			say(answer)
			continue
		}
		switch word {
		case "EHLO":
			if s.tls {
				say("250-test")
				say("250 STARTTLS")
				continue
			}
			say("250 test")
		case "RCPT":
			s.mu.Lock()
			s.rcpts = append(s.rcpts, strings.TrimSpace(text))
			s.mu.Unlock()
			say("250 ok")
		case "STARTTLS":
			say("454 no certificate today")
		case "DATA":
			say("354 go on")
			var message strings.Builder
			for {
				line, err := reader.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				message.WriteString(line)
			}
			s.mu.Lock()
			s.messages = append(s.messages, message.String())
			s.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}
