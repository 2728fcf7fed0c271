// Package snmp asks boxes over SNMP v2c and v3 (gosnmp) for the 14 items of UCD-SNMP-MIB, IF-MIB and
// HOST-RESOURCES-MIB, and for single numbers: board temperatures, power meters. It owns object identifiers, their traps
// and the agents' oddities; rates are package resource's matter.
package snmp

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/gosnmp/gosnmp"

	"github.com/overcloud/overcloud/internal/resource"
)

// Target is one box's SNMP agent and how it is asked. The zero value of every field but Box and Host means its default.
type Target struct {
	Box  string
	Host string // name or address
	Port uint16 // 161

	Version   string // Version2c or Version3; Version3 when there is a User, else Version2c
	Community Secret // v2c: "public"

	// v3. Without Auth nothing is authenticated, without Privacy nothing is encrypted; Privacy needs Auth.
	User            string
	Auth            string // one of AuthProtocols
	AuthPassword    Secret // 8 characters at the least
	Privacy         string // one of PrivacyProtocols
	PrivacyPassword Secret // the same
	Context         string // the agent's context; hardly any has more than the one without a name

	// Timeout is for one packet and its answer, 2 s; Retries is how often it is sent again, 2; negative is never. A
	// question never outlasts the context that it is asked with: then each try gets its part of the time.
	Timeout time.Duration
	Retries int
	// MaxRepetitions is how many rows of a table are asked for at once; by default as many as certainly fit into an
	// Ethernet frame.
	MaxRepetitions int
	// Skip leaves interfaces out by name, as path.Match has it. The default, nil, is DefaultSkip: the host's ends of
	// containers' interfaces come and go under random names, and each would be a new series for ever. Empty skips none.
	Skip []string
}

// The versions of SNMP.
const (
	Version2c = "2c"
	Version3  = "3"
)

// AuthProtocols are the names for Target.Auth.
func AuthProtocols() []string {
	return []string{"MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512"}
}

// PrivacyProtocols are the names for Target.Privacy. The ones that end in -C extend the key as Cisco and many others do
// (draft-reeder-snmpv3-usm-3desede), the others as draft-blumenthal-aes-usm.
func PrivacyProtocols() []string {
	return []string{"DES", "AES", "AES-192", "AES-256", "AES-192-C", "AES-256-C"}
}

// DefaultSkip is what Target.Skip leaves out unless it is told.
func DefaultSkip() []string { return []string{"veth*"} }

// The defaults of a Target.
const (
	DefaultPort             = 161
	DefaultCommunity Secret = "public"
	DefaultTimeout          = 2 * time.Second
	DefaultRetries          = 2
)

// Secret is a community or a password. However it is printed, logged or encoded, it says "hidden".
type Secret string

const hidden = "hidden"

// String says hidden.
func (s Secret) String() string { return hidden }

// Format says hidden, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// LogValue says hidden.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText says hidden.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// String names the box, the address, the version and the user: "rack-1 (udp 10.0.0.7:161, v3 monitor)".
func (t Target) String() string {
	who := "v2c"
	if t.version() == gosnmp.Version3 {
		who = "v3 " + t.User
	}
	return fmt.Sprintf("%s (udp %s, %s)", t.Box, t.address(), who)
}

// LogValue is String.
func (t Target) LogValue() slog.Value { return slog.StringValue(t.String()) }

func (t Target) address() string {
	return net.JoinHostPort(t.Host, strconv.Itoa(int(t.port())))
}

func (t Target) port() uint16 {
	if t.Port == 0 {
		return DefaultPort
	}
	return t.Port
}

func (t Target) version() gosnmp.SnmpVersion {
	if t.Version == Version3 || t.Version == "" && t.User != "" {
		return gosnmp.Version3
	}
	return gosnmp.Version2c
}

func (t Target) timeout() time.Duration {
	if t.Timeout <= 0 {
		return DefaultTimeout
	}
	return t.Timeout
}

func (t Target) retries() int {
	switch {
	case t.Retries < 0:
		return 0
	case t.Retries == 0:
		return DefaultRetries
	default:
		return t.Retries
	}
}

// Poll takes one sample of a target with a session of its own; see Session.Poll.
func Poll(ctx context.Context, t Target) (resource.Sample, error) {
	s := NewSession(t)
	defer s.close()
	return s.Poll(ctx)
}
