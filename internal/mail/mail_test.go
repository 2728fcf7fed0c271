package mail

import (
	"context"
	"io"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

func sender(t *testing.T, server *smtpServer, change func(*Config)) *Sender {
	t.Helper()
	cfg := Config{Address: server.address, From: "OverCloud <overcloud@example.org>", To: []string{"a@example.org", "b@example.org"}}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	require.NoError(t, err)
	return s
}

func TestAMessageArrivesWhole(t *testing.T) {
	server := newServer(t, nil, false)
	date := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	text := "Raum 1: 31 °C\n.a dot at the start\n" + strings.Repeat("long ", 100)
	require.NoError(t, sender(t, server, nil).Send(t.Context(), Message{
		ID: "lab/limit 1", Subject: "31 °C\r\nBcc: evil@example.org", Text: text, Date: date,
	}))
	require.Equal(t, []string{"RCPT TO:<a@example.org>", "RCPT TO:<b@example.org>"}, server.rcpts)
	require.Len(t, server.messages, 1)
	got, err := mail.ReadMessage(strings.NewReader(strings.ReplaceAll(server.messages[0], "\r\n..", "\r\n.")))
	require.NoError(t, err)
	require.Empty(t, got.Header.Get("Bcc"), "a subject adds no header")
	require.Equal(t, "<lab.limit.1@example.org>", got.Header.Get("Message-Id"))
	require.Contains(t, got.Header.Get("To"), "b@example.org")
	sent, err := got.Header.Date()
	require.NoError(t, err)
	require.True(t, sent.Equal(date))
	body, err := io.ReadAll(quotedprintable.NewReader(got.Body))
	require.NoError(t, err)
	require.Equal(t, text, strings.TrimSuffix(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n"))
}

func TestAnswersSayWhetherToTryAgain(t *testing.T) {
	for name, c := range map[string]struct {
		refuse map[string]string
		change func(*Config)
		tls    bool
		want   error
		says   string
	}{
		"a full mailbox passes":             {refuse: map[string]string{"RCPT": "452 full"}, want: fault.ErrUnreachable, says: "a@example.org"},
		"an unknown recipient does not":     {refuse: map[string]string{"RCPT": "550 who?"}, want: fault.ErrRejected, says: "550"},
		"a refused sender does not":         {refuse: map[string]string{"MAIL": "553 you?"}, want: fault.ErrRejected},
		"TLS that fails is not gone around": {tls: true, want: fault.ErrUnreachable, says: "start TLS"},
		"TLS that is asked for and missing": {change: func(c *Config) { c.RequireTLS = true }, want: fault.ErrRejected, says: "STARTTLS"},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, c.refuse, c.tls)
			err := sender(t, server, c.change).Send(t.Context(), Message{Subject: "x"})
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.says)
			require.Empty(t, server.messages)
		})
	}
	server := newServer(t, map[string]string{"AUTH": "535 no"}, false)
	server.refuse["EHLO"] = "250-test\r\n250 AUTH PLAIN"
	err := sender(t, server, func(c *Config) { c.User, c.Password = "u", "hidden" }).Send(t.Context(), Message{})
	require.ErrorIs(t, err, fault.ErrUnauthorised)
	require.NotContains(t, err.Error(), "hidden")
}

func TestAServerThatSaysNothingIsGivenUp(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	s := sender(t, &smtpServer{address: listener.Addr().String()}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.Send(ctx, Message{}), fault.ErrUnreachable)
}

func TestAConfigurationThatCannotBeIsRefused(t *testing.T) {
	for _, cfg := range []Config{
		{Address: "mail", From: "a@b", To: []string{"a@b"}},
		{Address: "mail:25", From: "nobody", To: []string{"a@b"}},
		{Address: "mail:25", From: "a@b"},
		{Address: "mail:25", From: "a@b", To: []string{"x y"}},
	} {
		_, err := New(cfg)
		require.ErrorIs(t, err, fault.ErrInvalid)
	}
}
