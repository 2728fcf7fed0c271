package snmp

import (
	"context"

	"github.com/gosnmp/gosnmp"
)

// values is what an agent said, by OID.
type values map[string]gosnmp.SnmpPDU

// mostOIDs is how many OIDs one GET has at most: with their values, of counters and short names, they fit into an
// Ethernet frame.
const mostOIDs = 48

// get asks for single values. What the agent does not have, or cannot give, is not in the answer.
func (s *Session) get(ctx context.Context, oids []string) (values, error) {
	found := make(values, len(oids))
	pending := [][]string{oids}
	for len(pending) > 0 {
		batch := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if most := s.mostOIDs(); len(batch) > most {
			pending = append(pending, batch[most:], batch[:most])
			continue
		}
		if len(batch) == 0 {
			continue
		}
		answer, err := s.ask(ctx, func(c *gosnmp.GoSNMP) (*gosnmp.SnmpPacket, error) { return c.Get(batch) })
		if err != nil {
			return nil, err
		}
		switch {
		case answer.Error == gosnmp.NoError:
			found.take(answer.Variables)
		case answer.Error == gosnmp.TooBig && len(batch) > 1:
			s.learned.oids = len(batch) / 2
			pending = append(pending, batch)
		case len(batch) == 1: // this one it does not have, or cannot say
		default:
			pending = append(pending, without(batch, int(answer.ErrorIndex))...)
		}
	}
	return found, nil
}

func (s *Session) mostOIDs() int {
	if s.learned.oids > 0 {
		return s.learned.oids
	}
	return mostOIDs
}

// without is a batch without the one that the agent complains of, counted from 1, or in two halves when it names none.
// Agents that only know noSuchName (v1's word) answer so for one missing value among many.
func without(batch []string, index int) [][]string {
	if index >= 1 && index <= len(batch) {
		rest := append(append([]string{}, batch[:index-1]...), batch[index:]...)
		return [][]string{rest}
	}
	half := len(batch) / 2
	return [][]string{batch[half:], batch[:half]}
}

func (v values) take(variables []gosnmp.SnmpPDU) {
	for _, pdu := range variables {
		switch pdu.Type {
		case gosnmp.NoSuchObject, gosnmp.NoSuchInstance, gosnmp.EndOfMibView, gosnmp.Null:
		default:
			v[pdu.Name] = pdu
		}
	}
}
