// Package mail sends short messages by SMTP. What they say is its callers' business.
package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/textproto"
	"slices"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/overcloud/overcloud/internal/fault"
)

// The ways to encrypt.
const (
	// TLSRequired is STARTTLS, and no mail without it.
	TLSRequired = "required"
	// TLSImplicit is TLS from the first byte, as on port 465.
	TLSImplicit = "implicit"
	// TLSOffered is STARTTLS where the server offers it. Who can change what is on the line can also hide the offer.
	TLSOffered = "offered"
	// TLSNone is plain text.
	TLSNone = "none"
)

// Config says by whom, from whom and to whom.
type Config struct {
	Address string // host:port of the SMTP server
	From    string // "OverCloud <overcloud@example.org>" or a bare address
	To      []string
	// User and Password authenticate, by the safest of SCRAM, CRAM-MD5, PLAIN and LOGIN that the server knows; in the
	// clear only under TLS or on loopback.
	User, Password string
	// Encrypt is TLSRequired, TLSImplicit, TLSOffered or TLSNone. Empty is TLSImplicit on port 465, TLSOffered to a
	// server on loopback, and else TLSRequired.
	Encrypt string
	// TLS overrides the certificate check; nil checks the host's name against the system's authorities.
	TLS *tls.Config
	// Most is how long one Send may take, greeting to goodbye; zero means 30 s.
	Most time.Duration
}

// Message is what is sent.
type Message struct {
	// ID makes a repeated message recognisable as the same: it becomes its Message-ID.
	ID string
	// Thread is the ID of the message that this one belongs to; empty, or its own ID, begins a thread.
	Thread  string
	List    string // becomes the List-Id: mail programs sort by it
	Subject string
	Text    string
	HTML    string // may be empty
	Date    time.Time
	Urgent  bool
	To      []string // who is to get it; nil means Config.To
}

// Sender sends messages, each over a connection of its own.
type Sender struct {
	config     Config
	host, port string
	from       *mail.Address
	to         []*mail.Address
}

const sendMost = 30 * time.Second

// New checks the configuration; it does not dial. Errors are ErrInvalid.
func New(cfg Config) (*Sender, error) {
	host, port, err := net.SplitHostPort(cfg.Address)
	if err != nil || host == "" {
		return nil, fmt.Errorf("%w: SMTP server %q is not host:port", fault.ErrInvalid, cfg.Address)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return nil, fmt.Errorf("%w: SMTP server %q has no port from 1 to 65535", fault.ErrInvalid, cfg.Address)
	}
	s := &Sender{config: cfg, host: host, port: port}
	if s.config.Encrypt == "" {
		s.config.Encrypt = encryption(host, port)
	}
	if !slices.Contains([]string{TLSRequired, TLSImplicit, TLSOffered, TLSNone}, s.config.Encrypt) {
		return nil, fmt.Errorf("%w: encryption %q is none of required, implicit, offered, none", fault.ErrInvalid, cfg.Encrypt)
	}
	if s.config.Most <= 0 {
		s.config.Most = sendMost
	}
	if s.from, err = mail.ParseAddress(cfg.From); err != nil {
		return nil, fmt.Errorf("%w: sender %q is no mail address", fault.ErrInvalid, cfg.From)
	}
	if len(cfg.To) == 0 {
		return nil, fmt.Errorf("%w: mail has nobody to go to", fault.ErrInvalid)
	}
	s.to, err = Addresses(cfg.To)
	return s, err
}

// Addresses reads mail addresses. Errors are ErrInvalid.
func Addresses(texts []string) ([]*mail.Address, error) {
	var out []*mail.Address
	for _, text := range texts {
		address, err := mail.ParseAddress(text)
		if err != nil {
			return nil, fmt.Errorf("%w: recipient %q is no mail address", fault.ErrInvalid, text)
		}
		out = append(out, address)
	}
	return out, nil
}

func encryption(host, port string) string {
	ip := net.ParseIP(host)
	switch {
	case port == "465":
		return TLSImplicit
	case host == "localhost", ip != nil && ip.IsLoopback():
		return TLSOffered
	}
	return TLSRequired
}

// Recipients are the addresses of Config.To.
func (s *Sender) Recipients() []string {
	out := make([]string, len(s.to))
	for i, to := range s.to {
		out[i] = to.Address
	}
	return out
}

// Delivery is what became of a message for one recipient. Err is nil when the server took it; its sentinels are
// Send's.
type Delivery struct {
	To  string
	Err error
}

// Send gives the server the message for each recipient by itself, so that an address that is refused costs nobody
// else the message, and says what became of each. Errors of deliveries: ErrUnreachable (try again: network, wrong
// certificate, or an answer 4xx), ErrUnauthorised, ErrRejected (an answer 5xx; trying again is in vain), ErrInvalid.
func (s *Sender) Send(ctx context.Context, message Message) []Delivery {
	to := s.to
	if message.To != nil {
		var err error
		if to, err = Addresses(message.To); err != nil {
			return failed(message.To, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Most)
	defer cancel()
	names := make([]string, len(to))
	for i, address := range to {
		names[i] = address.Address
	}
	client, session, err := s.open(ctx)
	if err != nil {
		return failed(names, s.explain(ctx, err))
	}
	out := make([]Delivery, len(to))
	for i, address := range to {
		m := s.compose(message, to, address)
		err := client.SendWithSMTPClient(session, m)
		if m.IsDelivered() {
			err = nil // what goes wrong after the server took it changes nothing
		}
		out[i] = Delivery{To: address.Address, Err: s.explain(ctx, err)}
	}
	// It is taken; a goodbye that goes wrong changes nothing.
	_ = client.CloseWithSMTPClient(session)
	return out
}

func failed(to []string, err error) []Delivery {
	out := make([]Delivery, len(to))
	for i, address := range to {
		out[i] = Delivery{To: address, Err: err}
	}
	return out
}

// open dials, encrypts and authenticates. Everything on the connection ends with whole: the library looks only at its
// deadline, and leaves the connection open after some errors.
func (s *Sender) open(whole context.Context) (*gomail.Client, *smtp.Client, error) {
	port, err := strconv.Atoi(s.port)
	if err != nil {
		return nil, nil, err
	}
	certificates := s.config.TLS
	if certificates == nil {
		certificates = &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12}
	}
	policy := map[string]gomail.TLSPolicy{
		TLSRequired: gomail.TLSMandatory, TLSOffered: gomail.TLSOpportunistic, TLSImplicit: gomail.NoTLS, TLSNone: gomail.NoTLS,
	}[s.config.Encrypt]
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		var dialer net.Dialer
		plain, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(whole, func() { plain.Close() })
		if s.config.Encrypt != TLSImplicit {
			return plain, nil
		}
		secured := tls.Client(plain, certificates)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		return secured, nil
	}
	options := []gomail.Option{
		gomail.WithPort(port), gomail.WithTimeout(s.config.Most), gomail.WithTLSPolicy(policy), gomail.WithTLSConfig(certificates),
		gomail.WithDialContextFunc(dial), gomail.WithoutNoop(),
	}
	if s.config.User != "" {
		options = append(options, gomail.WithUsername(s.config.User), gomail.WithPassword(s.config.Password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, gomail.SMTPAuthCramMD5,
				gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	client, err := gomail.NewClient(s.host, options...)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", fault.ErrInvalid, err)
	}
	session, err := client.DialToSMTPClientWithContext(whole)
	return client, session, err
}

// explain gives an error its sentinel.
func (s *Sender) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	kind := fault.ErrUnreachable
	var answer *textproto.Error
	var refused *gomail.SendError
	switch {
	case errors.Is(err, fault.ErrInvalid):
		kind = fault.ErrInvalid
	case errors.As(err, &refused) && refused.ErrorCode() >= 500:
		kind = fault.ErrRejected
	case errors.As(err, &answer) && (answer.Code == 530 || answer.Code == 534 || answer.Code == 535 || answer.Code == 538):
		kind = fault.ErrUnauthorised
	case errors.As(err, &answer) && answer.Code >= 500:
		kind = fault.ErrRejected
	case ctx.Err() != nil:
		return fmt.Errorf("send mail by %s: %w: %w", s.config.Address, fault.ErrUnreachable, ctx.Err())
	}
	return fmt.Errorf("send mail by %s: %w: %w", s.config.Address, kind, err)
}
