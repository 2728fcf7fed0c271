package lirc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
)

const (
	heardKey = "0000000000f40bf0 00 SET_24 my-ac\n"
	reloaded = "BEGIN\nSIGHUP\nEND\n"
)

// eventually waits for something that another goroutine does.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func TestAReplyIsFoundByItsEchoInEveryInterleaving(t *testing.T) {
	const command = "SEND_ONCE my-ac SET_24"
	pieces := []string{"", heardKey, reloaded, heardKey + reloaded, reloaded + heardKey, heardKey + heardKey, success("LIST", "my-ac"), "noise\n", "\r\n"}
	answers := []struct {
		text string
		want error
	}{
		{success(command), nil},
		{packet(command, "ERROR", `unknown remote: "my-ac"`), ErrUnknownRemote},
		{packet(command, "ERROR", `unknown command: "SET_24"`), ErrUnknownKey},
		{packet(command, "ERROR", "hardware does not support sending"), ErrCannotSend},
		{packet(command, "ERROR", "busy: repeating"), ErrBusy},
		{packet(command, "ERROR", "transmission failed"), ErrTransmission},
		{packet(command, "ERROR"), fault.ErrRejected},
		{strings.ReplaceAll(success(command), "\n", "\r\n"), nil},
		{strings.Replace(success(command), "SUCCESS\n", "SUCCESS\n"+heardKey, 1), nil},
	}
	for i, before := range pieces {
		for j, after := range pieces {
			for k, answer := range answers {
				t.Run(fmt.Sprintf("%d %d %d", i, j, k), func(t *testing.T) {
					// Two replies in a row: what comes after the first comes before the second.
					text := before + answer.text + after + success(command)
					var heard []Broadcast
					reloads := 0
					s := newStream(iotest.OneByteReader(strings.NewReader(text)), func(b Broadcast) { heard = append(heard, b) }, func() { reloads++ })
					var got []reply
					for {
						r, err := s.next()
						if errors.Is(err, io.EOF) {
							break
						}
						if err != nil {
							t.Fatal(err)
						}
						if r.command == command {
							got = append(got, r)
						}
					}
					if len(got) != 2 || !got[1].ok {
						t.Fatalf("replies: %+v", got)
					}
					switch err := refusal(got[0]); {
					case answer.want == nil && !got[0].ok:
						t.Errorf("%v", err)
					case answer.want != nil && (got[0].ok || !errors.Is(err, answer.want)):
						t.Errorf("%v is no %v", err, answer.want)
					}
					if want := strings.Count(text, heardKey); len(heard) != want {
						t.Errorf("%d broadcasts, not %d", len(heard), want)
					}
					for _, b := range heard {
						if b != (Broadcast{Remote: "my-ac", Key: "SET_24"}) {
							t.Errorf("heard %+v", b)
						}
					}
					if want := strings.Count(text, reloaded); reloads != want {
						t.Errorf("%d reloads, not %d", reloads, want)
					}
				})
			}
		}
	}
}

func TestOneConnectionIsUsedForAll(t *testing.T) {
	s := newScript(t, func(command string, _ net.Conn) (string, bool) {
		switch command {
		case "LIST":
			return heardKey + success(command, "my-ac", "tv"), true
		case "LIST my-ac":
			return reloaded + success(command, "0000000000000001 SET_24", "0000000000000002 POWER_OFF"), true
		case "VERSION":
			return success(command, "0.10.1") + heardKey, true
		}
		return success(command), true
	})
	c, ctx := s.client(), t.Context()
	if remotes, err := c.Remotes(ctx); err != nil || !reflect.DeepEqual(remotes, []string{"my-ac", "tv"}) {
		t.Errorf("%v %v", remotes, err)
	}
	if keys, err := c.Keys(ctx, "my-ac"); err != nil || !reflect.DeepEqual(keys, []string{"SET_24", "POWER_OFF"}) {
		t.Errorf("%v %v", keys, err)
	}
	if version, err := c.Version(ctx); err != nil || version != "0.10.1" {
		t.Errorf("%v %v", version, err)
	}
	if err := c.Send(ctx, "my-ac", "SET_24"); err != nil {
		t.Error(err)
	}
	if dials, commands := s.count(); dials != 1 || commands != 4 {
		t.Errorf("%d dials for %d commands", dials, commands)
	}
	eventually(t, "two broadcasts", func() bool { heard, _ := c.Heard(0); return len(heard) == 2 })
}

func TestAfterARestartTheNextCommandDialsAnew(t *testing.T) {
	s := newScript(t, func(command string, _ net.Conn) (string, bool) { return success(command), true })
	c, ctx := s.client(), t.Context()
	for range 3 {
		if err := c.Send(ctx, "my-ac", "SET_24"); err != nil {
			t.Fatal(err)
		}
		s.stop()
		s.start()
	}
	if dials, commands := s.count(); dials != 3 || commands != 3 {
		t.Errorf("%d dials for %d commands", dials, commands)
	}
}

func TestALircdThatIsAwayIsUnreachable(t *testing.T) {
	s := newScript(t, func(command string, _ net.Conn) (string, bool) { return success(command), true })
	c, ctx := s.client(), t.Context()
	s.stop()
	err := c.Send(ctx, "my-ac", "SET_24")
	if !errors.Is(err, fault.ErrUnreachable) || !strings.Contains(err.Error(), s.path) {
		t.Errorf("%v", err)
	}
	if err := c.Connect(ctx); !errors.Is(err, fault.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	s.start()
	if err := c.Connect(ctx); !errors.Is(err, fault.ErrUnreachable) {
		t.Error("a listener dials again at once")
	}
	if err := c.Send(ctx, "my-ac", "SET_24"); err != nil {
		t.Errorf("a command waits: %v", err)
	}
}

func TestAConnectionThatEndsBeforeTheAnswerIsNotTriedAgain(t *testing.T) {
	for name, part := range map[string]string{
		"at once":         "",
		"in the packet":   "BEGIN\nSEND_ONCE my-ac SET_24\n",
		"after the ok":    "BEGIN\nSEND_ONCE my-ac SET_24\nSUCCESS\n",
		"after nonsense":  "BEGIN\nSEND_ONCE my-ac SET_24\nPERHAPS\n",
		"after a million": "BEGIN\nSEND_ONCE my-ac SET_24\nSUCCESS\nDATA\n1000000\n",
		"a long line":     strings.Repeat("x", 3*longestLine),
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, func(string, net.Conn) (string, bool) { return part, false })
			err := s.client().Send(t.Context(), "my-ac", "SET_24")
			if !errors.Is(err, fault.ErrUnreachable) || !strings.Contains(err.Error(), "may or may not have been done") {
				t.Errorf("%v", err)
			}
			if _, commands := s.count(); commands != 1 {
				t.Errorf("%d commands: it may have been sent twice", commands)
			}
		})
	}
}

func TestALateAnswerIsNeverTakenForTheNext(t *testing.T) {
	release := make(chan struct{})
	first := true
	s := newScript(t, func(command string, _ net.Conn) (string, bool) {
		if first {
			first = false
			<-release
			return success(command), true
		}
		return packet(command, "ERROR", "transmission failed"), true
	})
	c := s.client()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := c.Send(ctx, "my-ac", "SET_24"); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, fault.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	close(release)
	if err := c.Send(t.Context(), "my-ac", "SET_24"); !errors.Is(err, ErrTransmission) {
		t.Errorf("the second was answered by the first: %v", err)
	}
}

func TestAWaitForTheTurnEndsWithItsContext(t *testing.T) {
	release := make(chan struct{})
	s := newScript(t, func(command string, _ net.Conn) (string, bool) { <-release; return success(command), true })
	c := s.client()
	done := make(chan error)
	go func() { done <- c.Send(t.Context(), "my-ac", "SET_18") }()
	eventually(t, "the first is under way", func() bool { _, n := s.count(); return n == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := c.Send(ctx, "my-ac", "SET_24"); !errors.Is(err, fault.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestBroadcastsAreHeardAfterTheCursorAndAcrossARestart(t *testing.T) {
	s := newScript(t, func(command string, _ net.Conn) (string, bool) { return success(command), true })
	c, ctx := s.client(), t.Context()
	if err := c.Connect(ctx); err != nil {
		t.Fatal(err)
	}
	_, cursor := c.Heard(-1)
	eventually(t, "accepted", func() bool { dials, _ := s.count(); return dials == 1 })
	s.broadcast(heardKey + reloaded + "0000000000f40bf0 0a SET_25 my-ac\nnonsense\n")
	eventually(t, "two keys", func() bool { heard, _ := c.Heard(cursor); return len(heard) == 2 })
	heard, cursor := c.Heard(cursor)
	if heard[1] != (Broadcast{Remote: "my-ac", Key: "SET_25", Repeat: 10}) {
		t.Errorf("%+v", heard)
	}
	if heard, next := c.Heard(cursor); len(heard) != 0 || next != cursor {
		t.Error("heard twice")
	}
	s.stop()
	s.start()
	eventually(t, "connected again", func() bool { _ = c.Connect(ctx); dials, _ := s.count(); return dials == 2 })
	s.broadcast(heardKey)
	eventually(t, "a key", func() bool { heard, _ := c.Heard(cursor); return len(heard) == 1 })
	s.broadcast(strings.Repeat(heardKey, 3*remembered))
	eventually(t, "many", func() bool { _, last := c.Heard(-1); return last == cursor+1+3*remembered })
	if heard, _ := c.Heard(cursor); len(heard) != remembered {
		t.Errorf("%d are remembered", len(heard))
	}
}

func TestWhatLircdWouldMisunderstandIsNotSaid(t *testing.T) {
	s := newScript(t, func(command string, _ net.Conn) (string, bool) { return success(command), true })
	c := s.client()
	for _, key := range []string{"", "A B", "A\nSEND_ONCE tv OFF", "A\tB", strings.Repeat("A", 300)} {
		if err := c.Send(t.Context(), "my-ac", key); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%q: %v", key, err)
		}
	}
	if dials, _ := s.count(); dials != 0 {
		t.Error("it dialled")
	}
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"lircd:":               "unix " + DefaultSocket,
		"lircd:/tmp/lircd":     "unix /tmp/lircd",
		"lircd://10.0.0.1:999": "tcp 10.0.0.1:999",
		"lircd://pi":           "tcp pi:8765",
		"lircd://[::1]:8765":   "tcp [::1]:8765",
		"lircd://":             "invalid", "lircd:relative": "invalid", "/dev/lirc0": "invalid", "lircd://:99": "invalid",
		"lircd:/" + strings.Repeat("x", 107): "invalid", "lircd://host:": "invalid",
	} {
		a, err := ParseAddress(text)
		got := a.Network + " " + a.Host
		if err != nil {
			got = "invalid"
			if !errors.Is(err, fault.ErrInvalid) {
				t.Error(err)
			}
		}
		if got != want {
			t.Errorf("%s: %s, not %s", text, got, want)
		}
	}
}

func TestTCPToo(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err == nil && bufio.NewScanner(conn).Scan() {
			io.WriteString(conn, success("VERSION", "0.10.1"))
		}
	}()
	a, err := ParseAddress("lircd://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := NewClient(a)
	defer c.Close()
	if v, err := c.Version(t.Context()); err != nil || v != "0.10.1" {
		t.Errorf("%q %v", v, err)
	}
}

func FuzzStream(f *testing.F) {
	f.Add(heardKey + success("LIST", "a") + reloaded)
	f.Add(packet("SEND_ONCE a b", "ERROR", "busy: repeating"))
	f.Add("BEGIN\nBEGIN\nSUCCESS\nDATA\n2\nEND\nEND\nEND\n")
	f.Fuzz(func(t *testing.T, text string) {
		s := newStream(strings.NewReader(text), func(Broadcast) {}, func() {})
		for range len(text) + 2 {
			if _, err := s.next(); err != nil {
				return
			}
		}
		t.Error("more packets than lines")
	})
}
