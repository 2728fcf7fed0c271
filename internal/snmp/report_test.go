package snmp

import (
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"
)

// FuzzAReportThatIsNoneHarmsNobody feeds the reader of reports what anybody on the network can send: unlike the library's
// own questions, it has nothing that would catch a panic.
func FuzzAReportThatIsNoneHarmsNobody(f *testing.F) {
	usm := &gosnmp.UsmSecurityParameters{UserName: "monitor", AuthoritativeEngineID: "\x80\x00\x1f\x88\x04engine"}
	sender := &gosnmp.GoSNMP{
		Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel, MsgFlags: gosnmp.NoAuthNoPriv, Timeout: time.Second,
		SecurityParameters: usm,
	}
	counters := []gosnmp.SnmpPDU{
		{Name: ".1.3.6.1.6.3.15.1.1.3.0", Type: gosnmp.Counter32, Value: uint32(7)},
		{Name: ".1.3.6.1.2.1.1.1.0", Type: gosnmp.OctetString, Value: "a box"},
		{Name: ".1.3.6.1.2.1.1.2.0", Type: gosnmp.OpaqueFloat, Value: float32(1.5)},
		{Name: ".1.3.6.1.2.1.1.3.0", Type: gosnmp.IPAddress, Value: "10.0.0.1"},
		{Name: ".1.3.6.1.2.1.1.4.0", Type: gosnmp.Counter64, Value: uint64(1 << 40)},
	}
	for _, kind := range []gosnmp.PDUType{gosnmp.Report, gosnmp.GetResponse, gosnmp.Trap, gosnmp.GetBulkRequest} {
		if data, err := sender.SnmpEncodePacket(kind, counters, 0, 0); err == nil {
			f.Add(data)
			f.Add(data[:len(data)/2])
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := NewSession(Target{Box: "box", Host: "127.0.0.1", User: "monitor"})
		s.wire = &tap{last: data[:min(len(data), reportMost)]}
		if err := s.report(); err != nil && len(data) < 20 {
			t.Errorf("% x is a report: %v", data, err)
		}
	})
}
