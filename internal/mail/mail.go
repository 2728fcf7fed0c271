// Package mail sends short text messages by SMTP. What they say is its callers' business.
package mail

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"
	"unicode"

	"github.com/overcloud/overcloud/internal/fault"
)

// Config says by whom, from whom and to whom.
type Config struct {
	Address string // host:port of the SMTP server
	From    string // "OverCloud <overcloud@example.org>" or a bare address
	To      []string
	// User and Password authenticate by PLAIN, which is only done under TLS or on loopback.
	User, Password string
	// RequireTLS refuses a server that does not offer STARTTLS.
	RequireTLS bool
	// TLS overrides the certificate check; nil checks the host's name against the system's authorities.
	TLS *tls.Config
}

// Message is what is sent. ID makes a repeated message recognisable as the same.
type Message struct {
	ID      string
	Subject string
	Text    string
	Date    time.Time
}

// Sender sends messages, each over a connection of its own.
type Sender struct {
	config Config
	host   string
	from   *mail.Address
	to     []*mail.Address
}

// sendMost is how long one message may take, greeting to goodbye.
const sendMost = 30 * time.Second

// New checks the configuration; it does not dial. Errors are ErrInvalid.
func New(cfg Config) (*Sender, error) {
	host, _, err := net.SplitHostPort(cfg.Address)
	if err != nil || host == "" {
		return nil, fmt.Errorf("%w: SMTP server %q is not host:port", fault.ErrInvalid, cfg.Address)
	}
	s := &Sender{config: cfg, host: host}
	if s.from, err = mail.ParseAddress(cfg.From); err != nil {
		return nil, fmt.Errorf("%w: sender %q is no mail address", fault.ErrInvalid, cfg.From)
	}
	if len(cfg.To) == 0 {
		return nil, fmt.Errorf("%w: mail has nobody to go to", fault.ErrInvalid)
	}
	for _, to := range cfg.To {
		address, err := mail.ParseAddress(to)
		if err != nil {
			return nil, fmt.Errorf("%w: recipient %q is no mail address", fault.ErrInvalid, to)
		}
		s.to = append(s.to, address)
	}
	return s, nil
}

// Send returns when the server has taken the message for all recipients. Errors: ErrUnreachable (try again:
// network, or an answer 4xx), ErrUnauthorised, ErrRejected (an answer 5xx; trying again is in vain).
func (s *Sender) Send(ctx context.Context, message Message) error {
	ctx, cancel := context.WithTimeout(ctx, sendMost)
	defer cancel()
	if err := s.send(ctx, message); err != nil {
		if ctx.Err() != nil && !errors.Is(err, fault.ErrRejected) {
			err = fmt.Errorf("%w: %w", fault.ErrUnreachable, ctx.Err())
		}
		return fmt.Errorf("send mail by %s: %w", s.config.Address, err)
	}
	return nil
}

func (s *Sender) send(ctx context.Context, message Message) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", s.config.Address)
	if err != nil {
		return fmt.Errorf("%w: %w", fault.ErrUnreachable, err)
	}
	// Everything on the connection ends with ctx.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()
	client, err := smtp.NewClient(conn, s.host)
	if err != nil {
		return explain("greet", err)
	}
	if err := s.secure(client); err != nil {
		return err
	}
	if err := client.Mail(s.from.Address); err != nil {
		return explain("name the sender", err)
	}
	for _, to := range s.to {
		if err := client.Rcpt(to.Address); err != nil {
			return explain("name recipient "+to.Address, err)
		}
	}
	writer, err := client.Data()
	if err != nil {
		return explain("begin the message", err)
	}
	if _, err := writer.Write(s.compose(message)); err != nil {
		return explain("write the message", err)
	}
	if err := writer.Close(); err != nil {
		return explain("end the message", err)
	}
	// It is taken; a goodbye that goes wrong changes nothing.
	_ = client.Quit()
	return nil
}

// secure uses TLS where it is offered, and authenticates where that is asked for.
func (s *Sender) secure(client *smtp.Client) error {
	offered, _ := client.Extension("STARTTLS")
	switch {
	case offered:
		config := s.config.TLS
		if config == nil {
			config = &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12}
		}
		if err := client.StartTLS(config); err != nil {
			return explain("start TLS", err)
		}
	case s.config.RequireTLS:
		return fmt.Errorf("%w: the server does not offer STARTTLS", fault.ErrRejected)
	}
	if s.config.User == "" {
		return nil
	}
	if err := client.Auth(smtp.PlainAuth("", s.config.User, s.config.Password, s.host)); err != nil {
		return fmt.Errorf("authenticate: %w: %w", fault.ErrUnauthorised, err)
	}
	return nil
}

func explain(doing string, err error) error {
	var answer *textproto.Error
	kind := fault.ErrUnreachable
	if errors.As(err, &answer) && answer.Code >= 500 {
		kind = fault.ErrRejected
	}
	return fmt.Errorf("%s: %w: %w", doing, kind, err)
}

// compose writes the message as RFC 5322 wants it, whatever its texts hold.
func (s *Sender) compose(message Message) []byte {
	var b bytes.Buffer
	to := make([]string, len(s.to))
	for i, address := range s.to {
		to[i] = address.String()
	}
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	header("From", s.from.String())
	header("To", strings.Join(to, ", "))
	header("Subject", mime.QEncoding.Encode("utf-8", oneLine(message.Subject)))
	header("Date", message.Date.Format(time.RFC1123Z))
	if message.ID != "" {
		domain := s.from.Address[strings.LastIndexByte(s.from.Address, '@')+1:]
		header("Message-ID", "<"+identifier(message.ID)+"@"+domain+">")
	}
	header("Auto-Submitted", "auto-generated")
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	writer := quotedprintable.NewWriter(&b)
	text := strings.ReplaceAll(strings.TrimRight(message.Text, "\r\n")+"\n", "\n", "\r\n")
	_, err := writer.Write([]byte(text))
	if err = errors.Join(err, writer.Close()); err != nil {
		panic("a buffer in memory did not take a text: " + err.Error())
	}
	return b.Bytes()
}

// oneLine keeps a text from beginning a header of its own.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// identifier keeps what a Message-ID may hold.
func identifier(id string) string {
	return strings.Map(func(r rune) rune {
		if r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(".-_", r)) {
			return r
		}
		return '.'
	}, id)
}
