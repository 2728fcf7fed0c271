package snmp

import (
	"net"
	"time"
)

// tap is the socket of a session: it counts, knows when it last heard something, and keeps the start of what it heard
// last since it sent, which explains what the library only calls "not authentic".
type tap struct {
	net.Conn
	stats Stats
	heard time.Time // with its monotonic clock
	last  []byte
}

// reportMost is longer than any v3 report.
const reportMost = 512

// Write sends one datagram.
func (t *tap) Write(p []byte) (int, error) {
	n, err := t.Conn.Write(p)
	if err == nil {
		t.stats.Sent++
		t.stats.BytesSent += n
		t.last = t.last[:0]
	}
	return n, err
}

// Read takes one datagram. The kernel gives only those of the address that was dialled.
func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	if err == nil {
		t.stats.Received++
		t.stats.BytesReceived += n
		t.heard = time.Now()
		t.last = append(t.last[:0], p[:min(n, reportMost)]...)
	}
	return n, err
}
