package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

// registryName is a name of the registries' address, in their certificate and in every box.
const registryName = "registry.lab"

// nameServer answers the boxes' questions for names over UDP: those that it knows with their address, all others
// at once with "no such name", as a real one would and a missing one would not.
type nameServer struct {
	conn net.PacketConn

	mu    sync.Mutex
	known map[string]netip.Addr // lower case, with the final dot
}

func startNameServer(ctx context.Context, address string) (*nameServer, error) {
	conn, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", net.JoinHostPort(address, "53"))
	if err != nil {
		return nil, fmt.Errorf("start the boxes' name server: %w", err)
	}
	s := &nameServer{conn: conn, known: map[string]netip.Addr{}}
	go s.serve()
	return s, nil
}

// set makes a name known; an invalid address makes it unknown.
func (s *nameServer) set(name string, address netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name = strings.ToLower(strings.TrimSuffix(name, ".")) + "."
	if !address.IsValid() {
		delete(s.known, name)
		return
	}
	s.known[name] = address
}

func (s *nameServer) serve() {
	const most = 1500 // a question fits in any frame
	buffer := make([]byte, most)
	for {
		n, from, err := s.conn.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		if answer := s.answer(buffer[:n]); answer != nil {
			s.conn.WriteTo(answer, from) //nolint:errcheck // who asked asks again
		}
	}
}

// answer is nil for what is no question.
func (s *nameServer) answer(question []byte) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil || m.Response || len(m.Questions) != 1 {
		return nil
	}
	asked := m.Questions[0]
	s.mu.Lock()
	address, known := s.known[strings.ToLower(asked.Name.String())]
	s.mu.Unlock()
	answer := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: m.ID, Response: true, Authoritative: true, RecursionDesired: m.RecursionDesired, RecursionAvailable: true,
		},
		Questions: m.Questions,
	}
	switch {
	case !known:
		answer.RCode = dnsmessage.RCodeNameError
	case asked.Type == dnsmessage.TypeA:
		answer.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: asked.Name, Class: dnsmessage.ClassINET},
			Body:   &dnsmessage.AResource{A: address.As4()},
		}}
	}
	packed, err := answer.Pack()
	if err != nil {
		return nil
	}
	return packed
}

// SetName makes a name resolve to an IPv4 address in every box and its containers; an empty address makes it
// unknown again. Boxes' own names and registry.lab are known from the start, also through /etc/hosts.
func (l *Lab) SetName(name, address string) error {
	if address == "" {
		l.names.set(name, netip.Addr{})
		return nil
	}
	parsed, err := netip.ParseAddr(address)
	if err != nil || !parsed.Is4() {
		return fmt.Errorf("let %s resolve to %q: that is no IPv4 address", name, address)
	}
	l.names.set(name, parsed)
	return nil
}

// startNames starts the name server with the names of the boxes and the registry.
func (l *Lab) startNames(ctx context.Context) (err error) {
	if l.names, err = startNameServer(ctx, l.Address()); err != nil {
		return err
	}
	for name, address := range l.hosts() {
		if err := l.SetName(name, address); err != nil {
			return err
		}
	}
	return nil
}

// hosts are the names that everything in the lab knows.
func (l *Lab) hosts() map[string]string {
	hosts := map[string]string{registryName: l.Address()}
	for i, name := range boxNames(l.options.Boxes) {
		hosts[name] = l.number.address(firstHost + i)
	}
	return hosts
}
