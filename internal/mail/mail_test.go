package mail

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

func sender(t *testing.T, address string, change func(*Config)) *Sender {
	t.Helper()
	cfg := Config{Address: address, From: "OverCloud <overcloud@example.org>", To: []string{"kim@example.org", "lee@example.org"}}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	require.NoError(t, err)
	return s
}

// only is the error of the only delivery.
func only(t *testing.T, deliveries []Delivery) error {
	t.Helper()
	require.NotEmpty(t, deliveries)
	for _, d := range deliveries[1:] {
		require.Equal(t, deliveries[0].Err == nil, d.Err == nil)
	}
	return deliveries[0].Err
}

func TestAnswersSayWhetherToTryAgain(t *testing.T) {
	for name, c := range map[string]struct {
		refuse map[string]string
		change func(*Config)
		tls    bool
		want   error
		says   string
	}{
		"a full mailbox passes":             {refuse: map[string]string{"RCPT": "452 full"}, want: fault.ErrUnreachable, says: "452"},
		"an unknown recipient does not":     {refuse: map[string]string{"RCPT": "550 who?"}, want: fault.ErrRejected, says: "550"},
		"a refused sender does not":         {refuse: map[string]string{"MAIL": "553 you?"}, want: fault.ErrRejected},
		"a text that is refused does not":   {refuse: map[string]string{"DATA": "554 no"}, want: fault.ErrRejected},
		"TLS that fails is not gone around": {tls: true, want: fault.ErrUnreachable},
		"TLS that is asked for and missing": {change: func(c *Config) { c.Encrypt = TLSRequired }, want: fault.ErrUnreachable, says: "STARTTLS"},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, c.refuse, c.tls)
			err := only(t, sender(t, server.address, c.change).Send(t.Context(), Message{Subject: "x"}))
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.says)
			require.Empty(t, server.messages)
		})
	}
	server := newServer(t, map[string]string{"AUTH": "535 no"}, false)
	server.refuse["EHLO"] = "250-test\r\n250 AUTH PLAIN"
	err := only(t, sender(t, server.address, func(c *Config) { c.User, c.Password = "u", "hidden" }).Send(t.Context(), Message{}))
	require.ErrorIs(t, err, fault.ErrUnauthorised)
	require.NotContains(t, err.Error(), "hidden")
}

func TestAServerThatSaysNothingIsGivenUp(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	s := sender(t, listener.Addr().String(), nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, only(t, s.Send(ctx, Message{})), fault.ErrUnreachable)
	began := time.Now()
	s = sender(t, listener.Addr().String(), func(c *Config) { c.Most = 50 * time.Millisecond })
	require.ErrorIs(t, only(t, s.Send(t.Context(), Message{})), fault.ErrUnreachable)
	require.Less(t, time.Since(began), 10*time.Second)
}

func TestAConfigurationThatCannotBeIsRefused(t *testing.T) {
	for _, cfg := range []Config{
		{Address: "mail", From: "a@b", To: []string{"a@b"}},
		{Address: "mail:0", From: "a@b", To: []string{"a@b"}},
		{Address: "mail:25", From: "nobody", To: []string{"a@b"}},
		{Address: "mail:25", From: "a@b"},
		{Address: "mail:25", From: "a@b", To: []string{"x y"}},
		{Address: "mail:25", From: "a@b", To: []string{"a@b"}, Encrypt: "rot13"},
	} {
		_, err := New(cfg)
		require.ErrorIs(t, err, fault.ErrInvalid)
	}
	for address, want := range map[string]string{
		"mail.example.org:25": TLSRequired, "mail.example.org:465": TLSImplicit, "127.0.0.1:25": TLSOffered, "[::1]:25": TLSOffered, "localhost:465": TLSImplicit,
	} {
		require.Equal(t, want, sender(t, address, nil).config.Encrypt, address)
	}
}
