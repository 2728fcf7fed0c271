package snmp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gosnmp/gosnmp"

	"github.com/overcloud/overcloud/internal/fault"
)

// Session is one box's agent with the socket, the v3 engine and what was learnt of the agent's oddities. The socket is
// opened at the first question and again at the first after an error, so that a box with a new address is found.
// Its methods take turns: they may be called from several goroutines.
type Session struct {
	target Target

	mu      sync.Mutex
	client  *gosnmp.GoSNMP // nil: to be opened
	wire    *tap
	learned learned
	counted Stats     // of the sockets closed before
	heard   time.Time // the last answer, with its monotonic clock
}

// learned is what the agent showed of itself. It is forgotten when the socket is closed.
type learned struct {
	oids int            // how many OIDs an answer takes; 0: nothing known against mostOIDs
	rows map[string]int // the longest column of a walk when it was last walked, by the walk's first column
	// values is how many values of tables an answer takes; 0: nothing known against mostValues.
	values int

	uptime float64 // of the agent, s

	noDisks bool // no dskTable: hrStorageTable is asked
	noNames bool // no ifName: ifDescr is asked
	narrow  bool // some interface has no 64-bit counters: the 32-bit ones are asked too
	noWide  bool // none has any
}

// Stats is what a session sent and got.
type Stats struct {
	Sent, Received           int // datagrams
	BytesSent, BytesReceived int // without the headers of UDP and IP
	Opened                   int // sockets
}

// NewSession makes a session. It opens nothing yet.
func NewSession(t Target) *Session { return &Session{target: t} }

// Stats is what was sent and got so far.
func (s *Session) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.counted
	if s.wire != nil {
		out.add(s.wire.stats)
	}
	return out
}

func (s *Stats) add(o Stats) {
	s.Sent, s.Received = s.Sent+o.Sent, s.Received+o.Received
	s.BytesSent, s.BytesReceived = s.BytesSent+o.BytesSent, s.BytesReceived+o.BytesReceived
	s.Opened += o.Opened
}

// Close closes the socket. The next question opens another.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close()
	return nil
}

func (s *Session) close() {
	if s.client == nil {
		return
	}
	s.wire.Close()
	s.counted.add(s.wire.stats)
	s.client, s.wire, s.learned = nil, nil, learned{}
}

// open dials, which for UDP sends nothing.
func (s *Session) open(ctx context.Context) error {
	if s.client != nil {
		return nil
	}
	t := s.target
	if err := t.Validate(); err != nil {
		return err
	}
	client := &gosnmp.GoSNMP{
		Target: t.Host, Port: t.port(), Transport: "udp", Version: t.version(), Timeout: t.timeout(), Retries: t.retries(),
		MaxOids: gosnmp.MaxOids, Context: ctx,
	}
	if client.Version == gosnmp.Version3 {
		secure(client, t)
	} else {
		client.Community = string(cmp.Or(t.Community, DefaultCommunity))
	}
	if err := client.Connect(); err != nil {
		return s.explain(ctx, err)
	}
	s.wire = &tap{Conn: client.Conn, stats: Stats{Opened: 1}}
	client.Conn, s.client = s.wire, client
	return nil
}

func secure(client *gosnmp.GoSNMP, t Target) {
	auth, _ := authProtocol(t.Auth)
	privacy, _ := privacyProtocol(t.Privacy)
	client.SecurityModel, client.ContextName = gosnmp.UserSecurityModel, t.Context
	switch {
	case privacy != gosnmp.NoPriv:
		client.MsgFlags = gosnmp.AuthPriv
	case auth != gosnmp.NoAuth:
		client.MsgFlags = gosnmp.AuthNoPriv
	default:
		client.MsgFlags = gosnmp.NoAuthNoPriv
	}
	client.SecurityParameters = &gosnmp.UsmSecurityParameters{
		UserName: t.User, AuthenticationProtocol: auth, AuthenticationPassphrase: string(t.AuthPassword),
		PrivacyProtocol: privacy, PrivacyPassphrase: string(t.PrivacyPassword),
	}
}

// ask sends one question and returns the agent's answer, whatever error status it carries. An error here is the
// box's, explained; the socket is closed then.
func (s *Session) ask(ctx context.Context, question func(*gosnmp.GoSNMP) (*gosnmp.SnmpPacket, error)) (*gosnmp.SnmpPacket, error) {
	answer, err := s.try(ctx, question)
	if errors.Is(err, gosnmp.ErrUnknownEngineID) {
		// The agent was set up anew and is another engine now: learn it and ask again.
		answer, err = s.try(ctx, question)
	}
	if err != nil {
		return nil, err
	}
	if answer.PDUType != gosnmp.GetResponse {
		s.close()
		return nil, fmt.Errorf("the answer is a %s: %w", answer.PDUType, fault.ErrRejected)
	}
	switch answer.Error {
	case gosnmp.AuthorizationError, gosnmp.NoAccess:
		return nil, fmt.Errorf("the agent lets %s read nothing: give it a rouser or rocommunity line with a view that holds .1.3.6.1.2.1 and .1.3.6.1.4.1.2021: %w",
			s.who(), fault.ErrUnauthorised)
	default:
		return answer, nil
	}
}

func (s *Session) who() string {
	if s.target.version() == gosnmp.Version3 {
		return fmt.Sprintf("user %q", s.target.User)
	}
	return "this community"
}

func (s *Session) try(ctx context.Context, question func(*gosnmp.GoSNMP) (*gosnmp.SnmpPacket, error)) (*gosnmp.SnmpPacket, error) {
	if err := ctx.Err(); err != nil {
		return nil, s.explain(ctx, err)
	}
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	wire := s.wire
	// The library waits for the deadline whatever happens to the context.
	release := context.AfterFunc(ctx, func() { wire.Close() })
	defer func() {
		if !release() {
			s.close() // it is closed, or about to be
		}
	}()
	s.client.Context, s.client.Timeout = ctx, s.patience(ctx)
	s.keepTime()
	answer, err := question(s.client)
	if err == nil {
		s.heard = wire.heard
		return answer, nil
	}
	err = s.explain(ctx, err)
	s.close()
	return nil, err
}

// patience is how long one try may take, so that all of them end within the context.
func (s *Session) patience(ctx context.Context) time.Duration {
	patience := s.target.timeout()
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(deadline)/time.Duration(s.target.retries()+1))
	}
	return max(patience, time.Millisecond)
}

// keepTime moves the v3 engine's time on by what has passed since it was heard: after 150 s of silence the agent would
// refuse the old one (RFC 3414, 2.2.3), at the cost of a second packet each time.
func (s *Session) keepTime() {
	usm, ok := s.client.SecurityParameters.(*gosnmp.UsmSecurityParameters)
	if !ok || usm.AuthoritativeEngineID == "" || s.wire.heard.IsZero() {
		return
	}
	if passed := time.Since(s.wire.heard); passed > time.Minute {
		usm.AuthoritativeEngineTime += uint32(passed.Seconds())
		s.wire.heard = s.wire.heard.Add(passed.Truncate(time.Second))
	}
}
