package wire

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// DecodeResource reads a resource record: ours, or the 2017 JSON. box is the record's key, used when the
// value names none. A 2017 record whose timestamp cannot be read gets the broker's time, marked. Errors are
// ErrInvalid.
func DecodeResource(box string, value []byte, broker time.Time) (Resource, error) {
	r, err := Decode[arriving](value)
	if err != nil {
		return Resource{}, err
	}
	record := Resource(r)
	if record.Box == "" {
		record.Box = box
	}
	if record.TimeMillis == 0 && !broker.IsZero() {
		record.TimeMillis, record.ArrivalTime = broker.UnixMilli(), true
	}
	if err := record.Validate(); err != nil {
		return Resource{}, err
	}
	return record, checkAhead("time_ms", record.TimeMillis, broker)
}

// arriving is a Resource on its way in: what it lacks may still come from its key and its broker time.
type arriving Resource

// Validate leaves everything to DecodeResource.
func (arriving) Validate() error { return nil }

// UnmarshalJSON reads both forms.
func (a *arriving) UnmarshalJSON(value []byte) error {
	return (*Resource)(a).UnmarshalJSON(value)
}

// UnmarshalJSON reads our form and the 2017 one, which is known by its deviceId or its rxDropped.
func (r *Resource) UnmarshalJSON(value []byte) error {
	type plain Resource // without this method
	var old resource2017
	if err := json.Unmarshal(value, &old); err == nil && (len(old.DeviceID) > 0 || len(old.RxDropped) > 0) {
		return r.from2017(old)
	}
	return json.Unmarshal(value, (*plain)(r))
}

// MarshalJSON writes NaN and infinities, which JSON lacks, as unknown.
func (r Resource) MarshalJSON() ([]byte, error) {
	type plain Resource
	p := plain(r)
	for _, field := range []**float64{
		&p.UptimeS, &p.Load1, &p.CPUPercent, &p.UserPct, &p.SystemPct, &p.IdlePct, &p.MemTotal, &p.MemAvail,
	} {
		dropUnknown(field)
	}
	p.Disks = nil
	for _, disk := range r.Disks {
		if finite(disk.Percent) {
			p.Disks = append(p.Disks, disk)
		}
	}
	p.Interfaces = append([]Interface(nil), r.Interfaces...)
	for i := range p.Interfaces {
		nic := &p.Interfaces[i]
		for _, field := range []**float64{&nic.InBytes, &nic.OutBytes, &nic.InErrors, &nic.OutErrors, &nic.InDiscards, &nic.OutDiscards} {
			dropUnknown(field)
		}
	}
	return json.Marshal(p)
}

func dropUnknown(field **float64) {
	if *field != nil && !finite(**field) {
		*field = nil
	}
}

// resource2017 is the 2017 record: 13 keys, of which nine are measured. Numbers came bare and in quotes.
type resource2017 struct {
	IP        string          `json:"ip"`
	DeviceID  json.RawMessage `json:"deviceId"`
	Timestamp json.RawMessage `json:"timestamp"`
	CPU       json.RawMessage `json:"cpu"`    // laLoad.1: load average, not CPU
	Memory    json.RawMessage `json:"memory"` // memAvailReal, kB
	Disk      json.RawMessage `json:"disk"`   // dskPercent.1, %
	Tx        json.RawMessage `json:"tx"`     // ifOutOctets.2 and so on: 32-bit counters
	Rx        json.RawMessage `json:"rx"`
	TxDropped json.RawMessage `json:"txDropped"`
	RxDropped json.RawMessage `json:"rxDropped"`
	TxError   json.RawMessage `json:"txError"`
	RxError   json.RawMessage `json:"rxError"`
}

// The 2017 system polled one disk and one interface, by index.
const disk2017, interface2017 = "1", "2"

func (r *Resource) from2017(old resource2017) error {
	var reader numbers2017
	*r = Resource{
		Box: bare(old.DeviceID), IP: old.IP, Source: "snmp", TimeMillis: time2017(bare(old.Timestamp)),
		Load1:    reader.number("cpu", old.CPU),
		MemAvail: reader.number("memory", old.Memory),
	}
	if r.MemAvail != nil {
		*r.MemAvail *= 1024
	}
	if disk := reader.number("disk", old.Disk); disk != nil {
		r.Disks = []Disk{{Path: disk2017, Percent: *disk}}
	}
	totals := Totals{
		InBytes: reader.number("rx", old.Rx), OutBytes: reader.number("tx", old.Tx),
		InErrors: reader.number("rxError", old.RxError), OutErrors: reader.number("txError", old.TxError),
		InDiscards: reader.number("rxDropped", old.RxDropped), OutDiscards: reader.number("txDropped", old.TxDropped),
	}
	if totals != (Totals{}) {
		r.Interfaces = []Interface{{Name: interface2017, Totals: &totals}}
	}
	return reader.err
}

// numbers2017 keeps the first fault.
type numbers2017 struct{ err error }

func (n *numbers2017) number(name string, raw json.RawMessage) *float64 {
	text := bare(raw)
	if text == "" {
		return nil
	}
	value, err := parseNumber(name, []byte(text), -maxBytes, maxBytes)
	if err != nil {
		if n.err == nil {
			n.err = err
		}
		return nil
	}
	return &value
}

// bare is a JSON string's or number's text; empty for null and absent.
func bare(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return strings.TrimSpace(text)
	}
	return string(raw)
}

// time2017 reads Unix milliseconds or RFC 3339; zero is "unreadable".
func time2017(text string) int64 {
	if millis, err := strconv.ParseInt(text, 10, 64); err == nil && isTime(millis) {
		return millis
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil && isTime(at.UnixMilli()) {
		return at.UnixMilli()
	}
	return 0
}
