// Package snmpdev owns thermometers and power meters that are asked for over SNMP: board temperatures of boxes, and
// single numbers of anything that has an agent, such as a power strip.
//
//	snmp:rack-1/CPU%20Temp                              the board temperature that rack-1's lm-sensors call "CPU Temp"
//	snmp:rack-1/Core%200#9                              the row 9, when several have that name
//	snmp:pdu-1/1.3.6.1.4.1.318.1.1.26.6.3.1.7.1?scale=10  a number by its OID, times a scale
//
// The first part is the name of a box that the edge's configuration lists with its address and its secrets.
package snmpdev

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/snmp"
	"github.com/overcloud/overcloud/internal/spec"
)

// Kind is how addresses begin.
const Kind = "snmp:"

// patience is for one reading: a lost packet is sent again within it.
const patience = 4 * time.Second

// NewThermometer finds the device behind a source. It asks nothing yet. Errors are ErrInvalid.
func NewThermometer(boxes []snmp.Target, source string) (device.Thermometer, error) {
	at, err := parse(boxes, source)
	if err != nil {
		return nil, err
	}
	if at.oid != "" {
		return &number{at}, nil
	}
	return &board{place: at}, nil
}

// NewMeter finds the device behind a meter's address, which names a number by its OID. It asks nothing yet. Errors
// are ErrInvalid.
func NewMeter(boxes []snmp.Target, address string) (device.Meter, error) {
	at, err := parse(boxes, address)
	if err != nil {
		return nil, err
	}
	if at.oid == "" {
		return nil, fmt.Errorf("%q names no number (write snmp:box/1.3.6.1.4.1.…?scale=0.1): %w", address, fault.ErrInvalid)
	}
	return &number{at}, nil
}

// place is one value of one box. Its session is its own: boxes are polled by others besides.
type place struct {
	session *snmp.Session
	box     snmp.Target
	oid     string // of a number; empty for a board temperature
	scale   float64
	name    string // of a board temperature
	index   string // its row; empty when the name says it all
}

func parse(boxes []snmp.Target, address string) (place, error) {
	refuse := func(format string, args ...any) (place, error) {
		return place{}, fmt.Errorf("%q: %s: %w", address, fmt.Sprintf(format, args...), fault.ErrInvalid)
	}
	boxName, rest, _ := strings.Cut(strings.TrimPrefix(address, Kind), "/")
	if boxName == "" || rest == "" {
		return refuse("write snmp:box/device or snmp:box/1.3.6.1.4.1.…")
	}
	i := slices.IndexFunc(boxes, func(t snmp.Target) bool { return t.Box == boxName })
	if i < 0 {
		return refuse("box %s is not among the boxes that this edge polls%s", boxName, listed(boxes))
	}
	at := place{session: snmp.NewSession(boxes[i]), box: boxes[i], scale: 1}
	rest, query, _ := strings.Cut(rest, "?")
	if snmp.IsOID(rest) {
		at.oid = rest
		return at, at.parameters(address, query)
	}
	if query != "" {
		return refuse("what follows the ? is for numbers by their OID")
	}
	name, index, hasIndex := strings.Cut(rest, "#")
	var err error
	if at.name, err = url.PathUnescape(name); err != nil || at.name == "" {
		return refuse("the device's name is not percent-encoded (write CPU%%20Temp for CPU Temp)")
	}
	if at.index = index; hasIndex && !snmp.IsIndex(index) {
		return refuse("what follows the # is the number of a row")
	}
	return at, nil
}

func (at *place) parameters(address, query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return fmt.Errorf("%q: write ?scale=0.1: %w", address, fault.ErrInvalid)
	}
	for key := range values {
		if key != "scale" {
			return fmt.Errorf("%q: %s is no parameter (write ?scale=0.1): %w", address, key, fault.ErrInvalid)
		}
		at.scale, err = strconv.ParseFloat(values.Get(key), 64)
		if err != nil || at.scale == 0 || math.IsNaN(at.scale) || math.IsInf(at.scale, 0) {
			return fmt.Errorf("%q: scale %q is no number other than 0: %w", address, values.Get(key), fault.ErrInvalid)
		}
	}
	return nil
}

// listed names what is there, for a person who mistyped it.
func listed(boxes []snmp.Target) string {
	if len(boxes) == 0 {
		return ": there are none (add it to boxes in edge.yaml)"
	}
	var names []string
	for _, t := range boxes {
		names = append(names, t.Box)
	}
	return " (known: " + strings.Join(names, ", ") + ")"
}

// Describe says whom is asked and for what.
func (at *place) Describe() string {
	switch {
	case at.oid != "":
		return fmt.Sprintf("%s of %s", at.oid, at.box)
	case at.index != "":
		return fmt.Sprintf("%s (row %s) of %s", at.name, at.index, at.box)
	default:
		return fmt.Sprintf("%s of %s", at.name, at.box)
	}
}

// Close closes the socket.
func (at *place) Close() error { return at.session.Close() }

// number is one value by its OID.
type number struct{ place }

// Read takes the number for a temperature, °C.
func (n *number) Read(ctx context.Context) (device.Measurement, error) {
	v, err := n.read(ctx)
	return device.Measurement{Celsius: v}, err
}

// Watts takes the number for a power, W.
func (n *number) Watts(ctx context.Context) (float64, error) { return n.read(ctx) }

func (n *number) read(ctx context.Context) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	v, err := n.session.Number(ctx, n.oid)
	if err != nil {
		return 0, err
	}
	return v * n.scale, nil
}

// board is one board temperature, by the name that lm-sensors give it. The row is looked up at the first reading and
// again when it has become another's, which a driver that is loaded can do.
type board struct {
	place
	row string // where the name was found
}

// Read asks for one temperature.
func (b *board) Read(ctx context.Context) (device.Measurement, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if b.row != "" {
		celsius, err := b.session.Temperature(ctx, b.row, b.name)
		if !errors.Is(err, fault.ErrNotFound) {
			return device.Measurement{Celsius: celsius}, err
		}
		b.row = ""
	}
	found, err := b.find(ctx)
	if err != nil {
		return device.Measurement{}, err
	}
	b.row = found.Index
	return device.Measurement{Celsius: found.Celsius}, nil
}

func (b *board) find(ctx context.Context) (snmp.Temperature, error) {
	all, err := b.session.Temperatures(ctx)
	if err != nil {
		return snmp.Temperature{}, err
	}
	var found []snmp.Temperature
	var names []string
	for _, t := range all {
		names = append(names, t.Device)
		if t.Device == b.name && (b.index == "" || t.Index == b.index) {
			found = append(found, t)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(all) == 0:
		return snmp.Temperature{}, fmt.Errorf("box %s has no board temperatures: install lm-sensors there, run sensors-detect, start snmpd again: %w", b.box, fault.ErrNotFound)
	case len(found) == 0:
		near := spec.Suggest(b.name, names)
		return snmp.Temperature{}, fmt.Errorf("box %s has no board temperature %s%s (it has %s): %w", b.box, b.what(), near, some(names), fault.ErrNotFound)
	default:
		return snmp.Temperature{}, fmt.Errorf("box %s has %d board temperatures %s: write snmp:%s/%s#%s for the first of them: %w",
			b.box, len(found), b.what(), b.box.Box, url.PathEscape(b.name), found[0].Index, fault.ErrRejected)
	}
}

func (b *board) what() string {
	if b.index == "" {
		return strconv.Quote(b.name)
	}
	return fmt.Sprintf("%q in row %s", b.name, b.index)
}

// some are the first names of many.
func some(names []string) string {
	const most = 12
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}
