package snmp

import (
	"context"
	"fmt"
	"strings"

	"github.com/overcloud/overcloud/internal/fault"
)

// lmTempSensorsTable of LM-SENSORS-MIB, which net-snmp fills from lm-sensors.
const (
	oidTempDevice = ".1.3.6.1.4.1.2021.13.16.2.1.2"
	oidTempValue  = ".1.3.6.1.4.1.2021.13.16.2.1.3" // 1/1000 °C, in an unsigned type
)

// Temperature is one row of lmTempSensorsTable.
type Temperature struct {
	Index   string // of the row; it may move when drivers are loaded
	Device  string // "CPU Temp"
	Celsius float64
}

// Temperatures reads the board temperatures that the box's agent has, none when it has none. Errors are Poll's.
func (s *Session) Temperatures(ctx context.Context) ([]Temperature, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	columns, err := s.walk(ctx, oidTempDevice, oidTempValue)
	if err != nil {
		return nil, fmt.Errorf("ask box %s: %w", s.target, err)
	}
	var out []Temperature
	for _, index := range columns[0].indices() {
		device := text(columns[0].rows[index])
		if celsius, ok := milliCelsius(columns[1].rows[index].Value); ok && device != "" {
			out = append(out, Temperature{Index: index, Device: device, Celsius: celsius})
		}
	}
	return out, nil
}

// Temperature reads one row of lmTempSensorsTable again. It is ErrNotFound when the row is another device's now.
// Errors are Poll's besides.
func (s *Session) Temperature(ctx context.Context, index, device string) (float64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, value := oidTempDevice+"."+index, oidTempValue+"."+index
	found, err := s.get(ctx, []string{name, value})
	if err != nil {
		return 0, fmt.Errorf("ask box %s: %w", s.target, err)
	}
	celsius, ok := milliCelsius(found[value].Value)
	if !ok || text(found[name]) != device {
		return 0, fmt.Errorf("ask box %s: temperature %s is no longer %s: %w", s.target, index, device, fault.ErrNotFound)
	}
	return celsius, nil
}

// milliCelsius reads an lmTempSensorsValue. Below zero it comes as 2^32 less.
func milliCelsius(value any) (float64, bool) {
	switch n := value.(type) {
	case uint32:
		return float64(int32(n)) / 1000, true
	case uint:
		return float64(int32(n)) / 1000, true
	case int:
		return float64(n) / 1000, true
	default:
		return 0, false
	}
}

// Number reads one value that is a number, or text that says one. It is ErrNotFound when the agent has no such value,
// ErrRejected when it is no number; errors are Poll's besides.
func (s *Session) Number(ctx context.Context, oid string) (float64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	oid = "." + strings.TrimPrefix(oid, ".")
	found, err := s.get(ctx, []string{oid})
	if err != nil {
		return 0, fmt.Errorf("ask box %s: %w", s.target, err)
	}
	v, has := found[oid]
	if !has {
		return 0, fmt.Errorf("ask box %s: it has no value %s: look it up with snmpwalk, and see that the agent's view holds it: %w", s.target, oid, fault.ErrNotFound)
	}
	n, ok := number(v)
	if !ok {
		return 0, fmt.Errorf("ask box %s: %s is no number but a %s: %w", s.target, oid, v.Type, fault.ErrRejected)
	}
	return n, nil
}

// IsOID says whether a text is a numeric object identifier.
func IsOID(text string) bool {
	parts := strings.Split(strings.TrimPrefix(text, "."), ".")
	if len(parts) < 3 || parts[0] > "2" || len(parts[0]) != 1 {
		return false
	}
	return IsIndex(strings.Join(parts, "."))
}

// IsIndex says whether a text can be the index of a table's row: numbers with dots between.
func IsIndex(text string) bool {
	for part := range strings.SplitSeq(text, ".") {
		if part == "" || len(part) > 10 || strings.Trim(part, "0123456789") != "" {
			return false
		}
	}
	return true
}
