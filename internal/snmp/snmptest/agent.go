// Package snmptest plays recorded SNMP agents over UDP on this machine, with the oddities that agents have. It is for
// tests: it knows version 2c only, and its recordings are text.
//
// A recording is snmpsim's format, one value a line: OID|tag|value, where the tag is 2 (integer), 4 (text), 4x (text in
// hexadecimal), 6 (OID), 65 (Counter32), 66 (Gauge32), 67 (TimeTicks), 70 (Counter64). Lines with # are comments.
// !include FILE takes in another recording, !drop OID takes away what is at or below an OID, and the other lines with !
// are oddities: see Odd.
package snmptest

import (
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gosnmp/gosnmp"
)

// Community is what the agents listen to.
const Community = "secret"

// Odd is what an agent does that it should not.
type Odd struct {
	TooBig    int    // !too-big N: answers tooBig rather than more than N values
	Cut       int    // !cut N: cuts its answers to GETBULK after N values
	V1Words   bool   // !v1-words: noSuchName for what it does not have and for the end
	Indexless bool   // !indexless: its errors do not say which value they mean
	Broken    string // !broken OID: genErr for what is below it
	Circles   bool   // !circles: begins anew at its end
	Repeats   bool   // !repeats: gives its last value for ever at its end
	Stutters  bool   // !stutters: sends each answer three times, and one of long ago before it
	Stranger  bool   // !stranger: somebody else, with another port, answers first, with nonsense
	Mute      bool   // !mute: never answers
}

// Agent is one that runs.
type Agent struct {
	conn net.PacketConn

	mu     sync.Mutex
	odd    Odd
	values map[string]gosnmp.SnmpPDU
	oids   []string // in order
	asked  []gosnmp.PDUType
	before []byte // the answer before
}

// Start plays a recording until the test ends.
func Start(t testing.TB, file string) *Agent {
	t.Helper()
	return Play(t, "!include "+file)
}

// Play plays a recording's text until the test ends.
func Play(t testing.TB, recording string) *Agent {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0") //nolint:noctx // it is closed with the test
	if err != nil {
		t.Fatal(err)
	}
	a := &Agent{conn: conn, values: map[string]gosnmp.SnmpPDU{}}
	for i, line := range strings.Split(recording, "\n") {
		if err := a.read(strings.TrimSpace(line)); err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
	}
	done := make(chan struct{})
	go func() { defer close(done); a.serve() }()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return a
}

// Address is host:port.
func (a *Agent) Address() string { return a.conn.LocalAddr().String() }

// Asked is how many packets came.
func (a *Agent) Asked() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.asked)
}

// Set changes values, or adds them, as lines of a recording.
func (a *Agent) Set(t testing.TB, lines ...string) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, line := range lines {
		if err := a.read(line); err != nil {
			t.Fatal(err)
		}
	}
}

// Drop takes away what is at or below an OID.
func (a *Agent) Drop(oid string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drop(oid)
}

func (a *Agent) drop(oid string) {
	a.oids = slices.DeleteFunc(a.oids, func(have string) bool {
		gone := have == oid || strings.HasPrefix(have, oid+".")
		if gone {
			delete(a.values, have)
		}
		return gone
	})
}

func (a *Agent) read(line string) error {
	switch {
	case line == "" || line[0] == '#':
		return nil
	case line[0] == '!':
		return a.order(strings.Fields(line[1:]))
	}
	parts := strings.SplitN(line, "|", 3)
	if len(parts) != 3 {
		return fmt.Errorf("%q is not OID|tag|value", line)
	}
	v, err := value(parts[1], parts[2])
	if err != nil {
		return fmt.Errorf("%q: %w", line, err)
	}
	v.Name = "." + strings.TrimPrefix(parts[0], ".")
	if _, has := a.values[v.Name]; !has {
		i, _ := slices.BinarySearchFunc(a.oids, v.Name, compare)
		a.oids = slices.Insert(a.oids, i, v.Name)
	}
	a.values[v.Name] = v
	return nil
}

func (a *Agent) order(words []string) error {
	switch {
	case len(words) == 2 && words[0] == "include":
		return a.include(words[1])
	case len(words) == 2 && words[0] == "drop":
		a.drop(words[1])
		return nil
	default:
		return a.oddity(words)
	}
}

func (a *Agent) include(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "!include "); ok {
			line = "!include " + filepath.Join(filepath.Dir(file), rest)
		}
		if err := a.read(line); err != nil {
			return fmt.Errorf("%s:%d: %w", file, i+1, err)
		}
	}
	return nil
}

func (a *Agent) oddity(words []string) error {
	argument := ""
	if len(words) > 1 {
		argument = words[1]
	}
	var err error
	switch words[0] {
	case "too-big":
		a.odd.TooBig, err = strconv.Atoi(argument)
	case "cut":
		a.odd.Cut, err = strconv.Atoi(argument)
	case "v1-words":
		a.odd.V1Words = true
	case "indexless":
		a.odd.Indexless = true
	case "broken":
		a.odd.Broken = argument
	case "circles":
		a.odd.Circles = true
	case "repeats":
		a.odd.Repeats = true
	case "stutters":
		a.odd.Stutters = true
	case "stranger":
		a.odd.Stranger = true
	case "mute":
		a.odd.Mute = true
	case "talks":
		a.odd.Mute = false
	default:
		err = fmt.Errorf("no oddity %q", words[0])
	}
	return err
}

func value(tag, text string) (gosnmp.SnmpPDU, error) {
	number := func(kind gosnmp.Asn1BER, bits int) (gosnmp.SnmpPDU, error) {
		n, err := strconv.ParseUint(text, 10, bits)
		if kind == gosnmp.Counter64 {
			return gosnmp.SnmpPDU{Type: kind, Value: n}, err
		}
		return gosnmp.SnmpPDU{Type: kind, Value: uint32(n)}, err
	}
	switch tag {
	case "2":
		n, err := strconv.ParseInt(text, 10, 32)
		return gosnmp.SnmpPDU{Type: gosnmp.Integer, Value: int(n)}, err
	case "4":
		return gosnmp.SnmpPDU{Type: gosnmp.OctetString, Value: []byte(text)}, nil
	case "4x":
		b, err := hex.DecodeString(text)
		return gosnmp.SnmpPDU{Type: gosnmp.OctetString, Value: b}, err
	case "6":
		return gosnmp.SnmpPDU{Type: gosnmp.ObjectIdentifier, Value: "." + strings.TrimPrefix(text, ".")}, nil
	case "65":
		return number(gosnmp.Counter32, 32)
	case "66":
		return number(gosnmp.Gauge32, 32)
	case "67":
		return number(gosnmp.TimeTicks, 32)
	case "70":
		return number(gosnmp.Counter64, 64)
	default:
		return gosnmp.SnmpPDU{}, fmt.Errorf("no tag %q", tag)
	}
}

func compare(a, b string) int {
	numbers := func(oid string) []int {
		var out []int
		for part := range strings.SplitSeq(strings.Trim(oid, "."), ".") {
			n, _ := strconv.Atoi(part)
			out = append(out, n)
		}
		return out
	}
	return slices.Compare(numbers(a), numbers(b))
}
