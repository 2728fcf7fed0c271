package snmp

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"
	"github.com/stretchr/testify/require"
)

// An agent that gives each row a text of 60 kB would take 100 MB of a Pi for one poll: neither the text nor the packet that
// it came in is kept.
func TestAnAgentThatTalksTooMuchFillsNoMemory(t *testing.T) {
	packet := bytes.Repeat([]byte{'x'}, 60_000)
	c := &column{oid: ".1.2", last: ".1.2", rows: map[string]gosnmp.SnmpPDU{}}
	for row := 1; row <= 3; row++ {
		text := packet
		if row == 2 {
			text = packet[:4]
		}
		take([]*column{c}, []gosnmp.SnmpPDU{{Name: fmt.Sprintf(".1.2.%d", row), Type: gosnmp.OctetString, Value: text}})
	}
	require.Len(t, c.rows, 3, "the rows stand")
	require.Nil(t, c.rows["1"].Value)
	require.Equal(t, "xxxx", text(c.rows["2"]))
	packet[0] = 'y'
	require.Equal(t, "xxxx", text(c.rows["2"]), "it is a copy")
}

// An agent refuses a v3 time that is more than 150 s off (RFC 3414, 2.2.3), so a session that was silent moves it on.
func TestTheEngineTimeMovesOnWhileNobodyAsks(t *testing.T) {
	usm := &gosnmp.UsmSecurityParameters{AuthoritativeEngineID: "engine", AuthoritativeEngineTime: 1000}
	s := &Session{client: &gosnmp.GoSNMP{SecurityParameters: usm}, wire: &tap{heard: time.Now().Add(-150 * time.Second)}}
	s.keepTime()
	require.EqualValues(t, 1150, usm.AuthoritativeEngineTime)
	s.keepTime()
	require.EqualValues(t, 1150, usm.AuthoritativeEngineTime, "once")
}
