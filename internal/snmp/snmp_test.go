package snmp

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/resource"
	"github.com/overcloud/overcloud/internal/wire"
)

// agent answers Get, GetNext and GetBulk from a table, on a UDP port of this machine.
func agent(t *testing.T, table map[string]gosnmp.SnmpPDU) Target {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	var oids []string
	for oid, v := range table {
		v.Name = oid
		table[oid] = v
		oids = append(oids, oid)
	}
	slices.SortFunc(oids, compareOIDs)
	go func() {
		buffer := make([]byte, 65536)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			decoder := &gosnmp.GoSNMP{Version: gosnmp.Version2c, MaxOids: 60}
			request, err := decoder.SnmpDecodePacket(buffer[:n])
			if err != nil || request.Community != "secret" {
				continue
			}
			reply := *request
			reply.PDUType, reply.Error, reply.ErrorIndex = gosnmp.GetResponse, 0, 0
			reply.Variables = respond(table, oids, request)
			data, err := reply.MarshalMsg()
			if err == nil {
				_, _ = conn.WriteTo(data, from)
			}
		}
	}()
	port := conn.LocalAddr().(*net.UDPAddr).Port
	target, err := ParseTarget("rack-1", fmt.Sprintf("udp://127.0.0.1:%d?community=secret", port))
	require.NoError(t, err)
	return target
}

func respond(table map[string]gosnmp.SnmpPDU, oids []string, request *gosnmp.SnmpPacket) []gosnmp.SnmpPDU {
	var out []gosnmp.SnmpPDU
	for _, v := range request.Variables {
		if request.PDUType == gosnmp.GetRequest {
			if found, ok := table[v.Name]; ok {
				out = append(out, found)
			} else {
				out = append(out, gosnmp.SnmpPDU{Name: v.Name, Type: gosnmp.NoSuchObject})
			}
			continue
		}
		repeat := max(1, int(request.MaxRepetitions))
		i, _ := slices.BinarySearchFunc(oids, v.Name, compareOIDs)
		for ; repeat > 0; i, repeat = i+1, repeat-1 {
			if i < len(oids) && oids[i] == v.Name {
				repeat++
				continue
			}
			if i >= len(oids) {
				out = append(out, gosnmp.SnmpPDU{Name: v.Name, Type: gosnmp.EndOfMibView})
				break
			}
			out = append(out, table[oids[i]])
		}
	}
	return out
}

func compareOIDs(a, b string) int {
	split := func(s string) []int {
		var out []int
		for part := range strings.SplitSeq(strings.Trim(s, "."), ".") {
			n, _ := strconv.Atoi(part)
			out = append(out, n)
		}
		return out
	}
	return slices.Compare(split(a), split(b))
}

func table() map[string]gosnmp.SnmpPDU {
	return map[string]gosnmp.SnmpPDU{
		oidUptime:             {Type: gosnmp.TimeTicks, Value: uint32(123456)},
		oidLoad:               {Type: gosnmp.Integer, Value: 142},
		oidUser:               {Type: gosnmp.Counter32, Value: uint32(4294967290)},
		oidNice:               {Type: gosnmp.Counter32, Value: uint32(5)},
		oidSystem:             {Type: gosnmp.Counter32, Value: uint32(20)},
		oidIdle:               {Type: gosnmp.Counter32, Value: uint32(300)},
		oidWait:               {Type: gosnmp.Counter32, Value: uint32(7)},
		oidMemTotal:           {Type: gosnmp.Integer, Value: 1000},
		oidMemFree:            {Type: gosnmp.Integer, Value: 100},
		oidMemBuffer:          {Type: gosnmp.Integer, Value: 50},
		oidMemCached:          {Type: gosnmp.Integer, Value: 250},
		oidDiskPath + ".1":    {Type: gosnmp.OctetString, Value: "/"},
		oidDiskPercent + ".1": {Type: gosnmp.Integer, Value: 42},
		oidName + ".1":        {Type: gosnmp.OctetString, Value: "lo"},
		oidName + ".7":        {Type: gosnmp.OctetString, Value: "eth0"},
		oidInBytes + ".7":     {Type: gosnmp.Counter64, Value: uint64(1) << 40},
		oidOutBytes + ".7":    {Type: gosnmp.Counter64, Value: uint64(77)},
		oidInErrors + ".7":    {Type: gosnmp.Counter32, Value: uint32(3)},
	}
}

func TestPollReadsTheItems(t *testing.T) {
	s, err := Poll(t.Context(), agent(t, table()))
	require.NoError(t, err)
	require.InDelta(t, 1234.56, *s.UptimeS, 1e-9)
	require.InDelta(t, 1.42, *s.Load1, 1e-9)
	require.Equal(t, &resource.Counter{Value: 4294967290, Bits: 32}, s.User)
	require.EqualValues(t, 12, s.Other.Value)
	require.InDelta(t, 1000*1024, *s.MemTotal, 0)
	require.InDelta(t, 400*1024, *s.MemAvail, 0, "without memSysAvail: free + buffers + cached")
	require.Equal(t, []wire.Disk{{Path: "/", Percent: 42}}, s.Disks)
	require.Len(t, s.Interfaces, 2)
	eth := s.Interfaces[1]
	require.Equal(t, "eth0", eth.Name, "found by name, whatever its index")
	require.Equal(t, &resource.Counter{Value: 1 << 40, Bits: 64}, eth.InBytes)
	require.EqualValues(t, 3, eth.InErrors.Value)
	require.Nil(t, eth.OutErrors, "not there is not zero")
}

func TestMemSysAvailIsPreferred(t *testing.T) {
	items := table()
	items[oidMemAvail] = gosnmp.SnmpPDU{Type: gosnmp.Counter64, Value: uint64(600)}
	s, err := Poll(t.Context(), agent(t, items))
	require.NoError(t, err)
	require.InDelta(t, 600*1024, *s.MemAvail, 0)
}

func TestAPoorAgentStillGivesWhatItHas(t *testing.T) {
	s, err := Poll(t.Context(), agent(t, map[string]gosnmp.SnmpPDU{oidLoad: {Type: gosnmp.Integer, Value: 50}}))
	require.NoError(t, err)
	require.InDelta(t, 0.5, *s.Load1, 1e-9)
	require.Nil(t, s.UptimeS)
	require.Empty(t, s.Interfaces)
}

func TestASilentAgentIsUnreachableInTime(t *testing.T) {
	target := agent(t, table())
	target.Community = "wrong"
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := Poll(ctx, target)
	require.ErrorIs(t, err, fault.ErrUnreachable)
	require.ErrorContains(t, err, "rack-1")
	require.Less(t, time.Since(began), 3*time.Second)
}

func TestParseTarget(t *testing.T) {
	target, err := ParseTarget("b", "udp://10.0.0.7")
	require.NoError(t, err)
	require.Equal(t, Target{Box: "b", Host: "10.0.0.7", Port: 161, Community: "public"}, target)
	for _, bad := range []string{"tcp://x", "udp://", "10.0.0.7:161", "udp://x:0", "udp://x:99999", "udp://x:y"} {
		_, err := ParseTarget("b", bad)
		require.ErrorIs(t, err, fault.ErrInvalid, bad)
	}
}
