package mail

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/mail/mailtest"
)

// parts are a message's header and its parts by type.
func parts(t *testing.T, text string) (mail.Header, map[string]string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(text))
	require.NoError(t, err)
	kind, options, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	require.NoError(t, err)
	out := map[string]string{}
	if !strings.HasPrefix(kind, "multipart/") {
		body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
		require.NoError(t, err)
		out[kind] = string(body)
		return m.Header, out
	}
	reader := multipart.NewReader(m.Body, options["boundary"])
	for {
		part, err := reader.NextPart() // decodes quoted-printable itself
		if errors.Is(err, io.EOF) {
			return m.Header, out
		}
		require.NoError(t, err)
		body, err := io.ReadAll(part)
		require.NoError(t, err)
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		require.NoError(t, err)
		out[kind] = string(body)
	}
}

func TestARealServerDeliversWhatWasWritten(t *testing.T) {
	server := mailtest.Start(t)
	date := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	text := "기계실 온도 31 °C\n.a dot at the start\n\n" + strings.Repeat("long ", 300) + "\nlast\n"
	for name, s := range map[string]*Sender{
		"STARTTLS": sender(t, server.Address, func(c *Config) { c.Encrypt, c.TLS = TLSRequired, server.Trust }),
		"implicit": sender(t, server.Implicit, func(c *Config) { c.Encrypt, c.TLS = TLSImplicit, server.Trust }),
		"plain":    sender(t, server.Address, func(c *Config) { c.Encrypt = TLSNone }),
	} {
		for _, d := range s.Send(t.Context(), Message{
			ID: "lab/limit 1-" + name, Thread: "lab/limit 0", List: "alerts.smart-energy", Subject: "위험: 31 °C\r\nBcc: evil@example.org " + name,
			Text: text, HTML: "<p>31 °C 기계실</p>", Date: date, Urgent: true,
		}) {
			require.NoError(t, d.Err, "%s to %s", name, d.To)
		}
	}
	encrypted := 0
	for _, got := range append(server.Await("kim", 3), server.Await("lee", 3)...) {
		header, body := parts(t, got)
		require.Empty(t, header.Get("Bcc"), "a subject adds no header, and recipients are not hidden")
		require.Contains(t, header.Get("Message-Id"), "<lab.limit.1-")
		require.Contains(t, header.Get("Message-Id"), "@example.org>")
		require.Equal(t, "<lab.limit.0@example.org>", header.Get("In-Reply-To"))
		require.Equal(t, "<lab.limit.0@example.org>", header.Get("References"))
		require.Equal(t, "<alerts.smart-energy.example.org>", header.Get("List-Id"))
		require.Equal(t, "auto-generated", header.Get("Auto-Submitted"))
		require.Equal(t, "high", header.Get("Importance"))
		to, err := header.AddressList("To")
		require.NoError(t, err)
		require.Len(t, to, 2, "each sees who else knows")
		subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
		require.NoError(t, err)
		require.Contains(t, subject, "위험: 31 °C  Bcc: evil@example.org")
		sent, err := header.Date()
		require.NoError(t, err)
		require.True(t, sent.Equal(date))
		require.Equal(t, text, strings.ReplaceAll(body["text/plain"], "\r\n", "\n"))
		require.Contains(t, body["text/html"], "<p>31 °C 기계실</p>")
		if strings.Contains(header.Get("Received"), "esmtps") {
			encrypted++
		}
	}
	require.Equal(t, 4, encrypted, "four of six came under TLS, as the server saw it")
}

func TestARealServerThatIsNotTheOneIsToldNothing(t *testing.T) {
	server := mailtest.Start(t)
	for name, s := range map[string]*Sender{
		"a stranger's certificate":   sender(t, server.Address, func(c *Config) { c.Encrypt = TLSRequired }),
		"under TLS from the start":   sender(t, server.Implicit, func(c *Config) { c.Encrypt = TLSImplicit }),
		"TLS only where offered":     sender(t, server.Address, nil),
		"another name":               sender(t, server.Address, func(c *Config) { c.TLS = server.Trust.Clone(); c.TLS.ServerName = "mail.example.net" }),
		"a password and a stranger":  sender(t, server.Address, func(c *Config) { c.User, c.Password = mailtest.User, mailtest.Password }),
		"TLS on the port that talks": sender(t, server.Address, func(c *Config) { c.Encrypt, c.Most = TLSImplicit, 5*time.Second }),
	} {
		err := only(t, s.Send(t.Context(), Message{Subject: "x"}))
		require.ErrorIs(t, err, fault.ErrUnreachable, name)
		require.NotContains(t, err.Error(), mailtest.Password)
	}
	require.NotContains(t, server.Log(), "<=", "no message was taken")
}

func TestARealServerAsksWhoItIs(t *testing.T) {
	server := mailtest.Start(t)
	with := func(user, password, encrypt string) error {
		s := sender(t, server.Address, func(c *Config) {
			c.To, c.TLS, c.Encrypt, c.User, c.Password = []string{"secret@example.org"}, server.Trust, encrypt, user, password
		})
		return only(t, s.Send(t.Context(), Message{ID: "1", Subject: "x"}))
	}
	require.ErrorIs(t, with("", "", TLSRequired), fault.ErrRejected, "550 without")
	err := with(mailtest.User, "wrong", TLSRequired)
	require.ErrorIs(t, err, fault.ErrUnauthorised)
	require.NotContains(t, err.Error(), "wrong")
	require.Error(t, with(mailtest.User, mailtest.Password, TLSNone), "it offers no authentication in the clear")
	require.NoError(t, with(mailtest.User, mailtest.Password, TLSRequired))
	server.Await("secret", 1)
}

func TestARealServerRefusesSomeAndPutsSomeOff(t *testing.T) {
	server := mailtest.Start(t)
	s := sender(t, server.Address, func(c *Config) {
		c.TLS, c.To = server.Trust, []string{"nobody@example.org", "grey@example.org", "kim@example.org", "x@elsewhere.org"}
	})
	got := s.Send(t.Context(), Message{ID: "1", Subject: "x", Text: "y"})
	require.ErrorIs(t, got[0].Err, fault.ErrRejected)
	require.ErrorContains(t, got[0].Err, "nobody lives here")
	require.ErrorIs(t, got[1].Err, fault.ErrUnreachable)
	require.ErrorContains(t, got[1].Err, "greylisted")
	require.NoError(t, got[2].Err, "who is refused costs nobody else the message")
	require.ErrorIs(t, got[3].Err, fault.ErrRejected)
	server.Await("kim", 1)
	server.Open()
	require.NoError(t, only(t, s.Send(t.Context(), Message{ID: "1", To: []string{"grey@example.org"}})))
	server.Await("grey", 1)

	server.Down()
	require.ErrorIs(t, only(t, s.Send(t.Context(), Message{To: []string{"kim@example.org"}})), fault.ErrUnreachable)
	server.Up()
	require.NoError(t, only(t, s.Send(t.Context(), Message{ID: "2", To: []string{"kim@example.org"}})))
	server.Await("kim", 2)
}

// A line that is cut while the text is on its way leaves no half message behind, and one that is cut after it, before
// the answer, leaves a whole one: the next try has the same Message-ID.
func TestALineThatIsCutInTheMiddle(t *testing.T) {
	server := mailtest.Start(t)
	message := Message{ID: "lab/limit-1", Subject: "x", Text: strings.Repeat("a long line of text\n", 5000), To: []string{"kim@example.org"}}
	cut := func(after int, answers bool) error {
		s := sender(t, cutting(t, server.Address, after, answers), func(c *Config) { c.Encrypt, c.Most = TLSNone, 5*time.Second })
		return only(t, s.Send(t.Context(), message))
	}
	require.ErrorIs(t, cut(20_000, true), fault.ErrUnreachable)
	require.ErrorIs(t, cut(1<<30, false), fault.ErrUnreachable, "the answer to the text is lost")
	server.Await("kim", 1)
	require.NoError(t, cut(1<<30, true))
	got := server.Await("kim", 2)
	require.Len(t, got, 2)
	for _, text := range got {
		header, _ := parts(t, text)
		require.Equal(t, "<lab.limit-1@example.org>", header.Get("Message-Id"))
	}
}

// cutting is a line to a server that breaks after some bytes, or that loses the answer to the end of a text.
func cutting(t *testing.T, address string, after int, answers bool) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", address)
			if err != nil {
				near.Close()
				continue
			}
			go func() {
				defer near.Close()
				buffer := make([]byte, 4096)
				for {
					n, err := far.Read(buffer)
					if err != nil {
						return
					}
					if !answers && strings.Contains(string(buffer[:n]), "250 OK id=") {
						return
					}
					if _, err := near.Write(buffer[:n]); err != nil {
						return
					}
				}
			}()
			go func() {
				defer far.Close()
				defer near.Close()
				_, _ = io.CopyN(far, near, int64(after)) // how it ends is what is tried
			}()
		}
	}()
	return listener.Addr().String()
}

func TestACancelledMessageEndsAtOnce(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	began := time.Now()
	s := sender(t, listener.Addr().String(), func(c *Config) { c.Encrypt = TLSNone })
	require.ErrorIs(t, only(t, s.Send(ctx, Message{})), fault.ErrUnreachable)
	require.Less(t, time.Since(began), 10*time.Second)
}
