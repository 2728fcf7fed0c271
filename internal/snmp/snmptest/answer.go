package snmptest

import (
	"net"
	"slices"
	"strings"

	"github.com/gosnmp/gosnmp"
)

func (a *Agent) serve() {
	buffer := make([]byte, 65536)
	for {
		n, from, err := a.conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		decoder := &gosnmp.GoSNMP{Version: gosnmp.Version2c}
		request, err := decoder.SnmpDecodePacket(slices.Clone(buffer[:n]))
		if err != nil || request.Version != gosnmp.Version2c {
			continue
		}
		a.mu.Lock()
		a.asked = append(a.asked, request.PDUType)
		if request.Community == Community && !a.odd.Mute {
			a.reply(request, from)
		}
		a.mu.Unlock()
	}
}

func (a *Agent) reply(request *gosnmp.SnmpPacket, to net.Addr) {
	reply := *request
	reply.PDUType = gosnmp.GetResponse
	reply.Variables, reply.Error, reply.ErrorIndex = a.answer(request)
	if a.odd.TooBig > 0 && len(reply.Variables) > a.odd.TooBig {
		reply.Variables, reply.Error, reply.ErrorIndex = nil, gosnmp.TooBig, 0
	}
	if reply.Error != gosnmp.NoError {
		reply.Variables = request.Variables
		if a.odd.Indexless {
			reply.ErrorIndex = 0
		}
	}
	data, err := reply.MarshalMsg()
	if err != nil {
		return
	}
	// What cannot be sent is lost, as UDP has it.
	if a.odd.Stranger {
		if stranger, err := net.ListenPacket("udp", "127.0.0.1:0"); err == nil { //nolint:noctx // it lives for one datagram
			nonsense := reply
			nonsense.Variables = []gosnmp.SnmpPDU{{Name: ".1.3.6.1.2.1.25.1.1.0", Type: gosnmp.TimeTicks, Value: uint32(1)}}
			if forged, err := nonsense.MarshalMsg(); err == nil {
				_, _ = stranger.WriteTo(forged, to)
			}
			_ = stranger.Close()
		}
	}
	if !a.odd.Stutters {
		_, _ = a.conn.WriteTo(data, to)
		return
	}
	for _, datagram := range [][]byte{a.before, data, data, data} {
		if datagram != nil {
			_, _ = a.conn.WriteTo(datagram, to)
		}
	}
	a.before = data
}

func (a *Agent) answer(request *gosnmp.SnmpPacket) (variables []gosnmp.SnmpPDU, status gosnmp.SNMPError, index uint8) {
	rows := 1
	if request.PDUType == gosnmp.GetBulkRequest {
		rows = int(request.MaxRepetitions)
	}
	at := make([]string, len(request.Variables))
	for i, v := range request.Variables {
		at[i] = v.Name
	}
	for range rows {
		for i := range at {
			v, ok := a.find(request.PDUType, at[i])
			switch {
			case a.broken(v.Name):
				return nil, gosnmp.GenErr, uint8(i + 1)
			case !ok && a.odd.V1Words && len(variables) < len(at):
				return nil, gosnmp.NoSuchName, uint8(i + 1)
			case !ok && a.odd.V1Words:
				return variables, gosnmp.NoError, 0
			}
			variables = append(variables, v)
			at[i] = v.Name
			if a.odd.Cut > 0 && request.PDUType == gosnmp.GetBulkRequest && len(variables) >= a.odd.Cut {
				return variables, gosnmp.NoError, 0
			}
		}
	}
	return variables, gosnmp.NoError, 0
}

func (a *Agent) broken(oid string) bool {
	return a.odd.Broken != "" && strings.HasPrefix(oid, a.odd.Broken)
}

// find is the value at an OID, or after it; not ok with an exception in its place when there is none.
func (a *Agent) find(kind gosnmp.PDUType, oid string) (v gosnmp.SnmpPDU, ok bool) {
	if kind == gosnmp.GetRequest {
		v, ok = a.values[oid]
		if !ok {
			v = gosnmp.SnmpPDU{Name: oid, Type: gosnmp.NoSuchObject}
		}
		return v, ok
	}
	i, exact := slices.BinarySearchFunc(a.oids, oid, compare)
	if exact {
		i++
	}
	switch {
	case i < len(a.oids):
		return a.values[a.oids[i]], true
	case a.odd.Circles && len(a.oids) > 0:
		return a.values[a.oids[0]], true
	case a.odd.Repeats && len(a.oids) > 0:
		return a.values[a.oids[len(a.oids)-1]], true
	default:
		return gosnmp.SnmpPDU{Name: oid, Type: gosnmp.EndOfMibView}, false
	}
}
