// Package snmp polls boxes over SNMP v2c (gosnmp) for the 14 items of UCD-SNMP-MIB, IF-MIB and
// HOST-RESOURCES-MIB. It owns object identifiers and their traps; rates are package resource's matter.
package snmp

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/gosnmp/gosnmp"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/resource"
)

// Target is one box's SNMP agent.
type Target struct {
	Box       string
	Host      string
	Port      uint16
	Community string
}

// ParseTarget reads udp://host:port?community=public. The port is 161 and the community public by default.
func ParseTarget(box, address string) (Target, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "udp" || u.Hostname() == "" {
		return Target{}, fmt.Errorf("SNMP target of box %s: write udp://host:port?community=public: %w", box, fault.ErrInvalid)
	}
	t := Target{Box: box, Host: u.Hostname(), Port: 161, Community: "public"}
	if text := u.Port(); text != "" {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return Target{}, fmt.Errorf("SNMP target of box %s: port %s is outside 1 to 65535: %w", box, text, fault.ErrInvalid)
		}
		t.Port = uint16(port)
	}
	if c := u.Query().Get("community"); c != "" {
		t.Community = c
	}
	return t, nil
}

// Poll takes one sample of a target. What the agent does not have stays nil; an agent that does not answer
// within ctx or 5 s twice is ErrUnreachable.
func Poll(ctx context.Context, t Target) (resource.Sample, error) {
	client := &gosnmp.GoSNMP{
		Target: t.Host, Port: t.Port, Transport: "udp", Community: t.Community, Version: gosnmp.Version2c,
		Timeout: 5 * time.Second, Retries: 1, MaxOids: gosnmp.MaxOids, MaxRepetitions: 10, Context: ctx,
	}
	if err := client.Connect(); err != nil {
		return resource.Sample{}, fmt.Errorf("connect to the SNMP agent of %s: %w: %w", t.Box, fault.ErrUnreachable, err)
	}
	defer client.Conn.Close()
	p := poll{client: client}
	s := resource.Sample{At: time.Now()}
	p.scalars(&s)
	p.disks(&s)
	p.interfaces(&s)
	if p.err != nil {
		return resource.Sample{}, fmt.Errorf("poll the SNMP agent of %s: %w: %w", t.Box, fault.ErrUnreachable, p.err)
	}
	return s, nil
}
