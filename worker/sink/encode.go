package sink

import (
	"cmp"
	"fmt"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/line"
	"github.com/overcloud/overcloud/internal/wire"
)

// encoder turns records into lines.
//
// The measurements (tags; fields):
//
//	temp       room, sensor, quality (good or bad); temperature °C, humidity %, reason, arrival_time, unsynchronised
//	resource   box; load1, cpu_percent, …, ip, source
//	disk       box, disk; used_percent
//	interface  box, interface; in_bytes_s, …, and for 2017 records in_bytes_total, …
//	command    room, ac; setpoint °C, power, revision, emergency, reason, id
//	ack        room, ac, state; setpoint, power, revision, source, evidence, simulated, id
//	alert      room, kind, severity, alert (its ID, which names a condition and not an event); active, evidence, source
//	answer     room, kind, alert; who, why, until (Unix ms)
//	power      room, ac (without one: the room's load); watts, simulated
//
// The time is the measurement's own; a command, which has none, has its broker's.
type encoder struct {
	rooms map[int]string // room by sensor, for records without a key
}

// append appends the lines of one record to l. Errors are ErrInvalid, for quarantine; l may then hold a
// part of a record, which the caller cuts off.
func (e encoder) append(l *line.Writer, record kafka.Record) error {
	if len(record.Value) == 0 {
		return fmt.Errorf("%w: the record is empty", fault.ErrInvalid)
	}
	switch record.Topic {
	case wire.TopicTemp:
		return e.temp(l, record)
	case wire.TopicResource:
		resource, err := wire.DecodeResource(string(record.Key), record.Value, record.Time)
		if err != nil {
			return err
		}
		appendResource(l, resource)
	case wire.TopicControl:
		command, err := wire.Decode[wire.Command](record.Value)
		if err != nil {
			return err
		}
		appendCommand(l, command, record.Time.UnixMilli())
	case wire.TopicAck:
		return event(l, record, appendAck, func(a wire.Ack) int64 { return a.TimeMillis })
	case wire.TopicAlert:
		return event(l, record, appendAlert, alertMillis)
	case wire.TopicAnswer:
		return event(l, record, appendAnswer, func(a wire.Answer) int64 { return a.TimeMillis })
	case wire.TopicPower:
		return event(l, record, appendPower, func(p wire.Power) int64 { return p.TimeMillis })
	default:
		return fmt.Errorf("%w: nothing of topic %s is stored", fault.ErrInvalid, record.Topic)
	}
	return nil
}

// event appends a record that carries its own time, unless that lies ahead.
func event[T wire.Validator](l *line.Writer, record kafka.Record, add func(*line.Writer, T), millis func(T) int64) error {
	value, err := wire.Decode[T](record.Value)
	if err != nil {
		return err
	}
	if err := wire.CheckAhead("its time", millis(value), record.Time); err != nil {
		return err
	}
	add(l, value)
	return nil
}

func (e encoder) temp(l *line.Writer, record kafka.Record) error {
	r, text, err := wire.ParseReadingText(string(record.Key), record.Value, record.Time, record.Headers)
	if err != nil {
		return err
	}
	if r.Room == "" {
		if r.Room = e.rooms[r.Sensor]; r.Room == "" {
			return fmt.Errorf("%w: the record has no key, and no room has sensor %d", fault.ErrInvalid, r.Sensor)
		}
	}
	l.Begin("temp")
	l.Tag("room", r.Room)
	l.TagInt("sensor", r.Sensor)
	quality := "good"
	if r.Bad {
		quality = wire.QualityBad
	}
	l.Tag("quality", quality)
	l.Number("temperature", r.Celsius, text.Celsius)
	if r.HasHumidity {
		l.Number("humidity", r.Humidity, text.Humidity)
	}
	l.Text("reason", r.Reason)
	if r.ArrivalTime {
		l.Bool("arrival_time", true)
	}
	if r.Unsynchronised {
		l.Bool("unsynchronised", true)
	}
	l.End(r.At.UnixMilli())
	return nil
}

func appendResource(l *line.Writer, r wire.Resource) {
	l.Begin("resource")
	l.Tag("box", r.Box)
	l.Known("uptime_s", r.UptimeS)
	l.Known("load1", r.Load1)
	l.Known("cpu_percent", r.CPUPercent)
	l.Known("cpu_user_percent", r.UserPct)
	l.Known("cpu_system_percent", r.SystemPct)
	l.Known("cpu_idle_percent", r.IdlePct)
	l.Known("mem_total_bytes", r.MemTotal)
	l.Known("mem_available_bytes", r.MemAvail)
	l.Text("ip", r.IP)
	l.Text("source", r.Source)
	if r.ArrivalTime {
		l.Bool("arrival_time", true)
	}
	l.Int("disks", int64(len(r.Disks))) // so that no line is without a field
	l.End(r.TimeMillis)
	for _, disk := range r.Disks {
		l.Begin("disk")
		l.Tag("box", r.Box)
		l.Tag("disk", disk.Path)
		l.Float("used_percent", disk.Percent)
		l.End(r.TimeMillis)
	}
	for _, nic := range r.Interfaces {
		appendInterface(l, r, nic)
	}
}

func appendInterface(l *line.Writer, r wire.Resource, nic wire.Interface) {
	start := len(l.Buf)
	l.Begin("interface")
	l.Tag("box", r.Box)
	l.Tag("interface", nic.Name)
	l.Known("in_bytes_s", nic.InBytes)
	l.Known("out_bytes_s", nic.OutBytes)
	l.Known("in_errors_s", nic.InErrors)
	l.Known("out_errors_s", nic.OutErrors)
	l.Known("in_discards_s", nic.InDiscards)
	l.Known("out_discards_s", nic.OutDiscards)
	if t := nic.Totals; t != nil {
		l.Known("in_bytes_total", t.InBytes)
		l.Known("out_bytes_total", t.OutBytes)
		l.Known("in_errors_total", t.InErrors)
		l.Known("out_errors_total", t.OutErrors)
		l.Known("in_discards_total", t.InDiscards)
		l.Known("out_discards_total", t.OutDiscards)
	}
	if l.Fields == 0 { // the first poll knows no rates
		l.Buf = l.Buf[:start]
		return
	}
	l.End(r.TimeMillis)
}

func appendCommand(l *line.Writer, c wire.Command, millis int64) {
	l.Begin("command")
	l.Tag("room", c.Room)
	l.Tag("ac", c.AC)
	l.Int("setpoint", int64(c.Setpoint))
	l.Bool("power", c.Power)
	l.Int("revision", c.Revision)
	l.Bool("emergency", c.Emergency)
	l.Text("reason", c.Reason)
	l.Text("id", c.ID)
	l.End(millis)
}

func appendAck(l *line.Writer, a wire.Ack) {
	l.Begin("ack")
	l.Tag("room", a.Room)
	l.Tag("ac", a.AC)
	l.Tag("state", a.State)
	l.Int("setpoint", int64(a.Setpoint))
	l.Bool("power", a.Power)
	l.Int("revision", a.Revision)
	l.Text("source", a.Source)
	l.Text("evidence", a.Evidence)
	l.Bool("simulated", a.Simulated)
	l.Text("id", a.ID)
	l.End(a.TimeMillis)
}

func appendAlert(l *line.Writer, a wire.Alert) {
	l.Begin("alert")
	l.Tag("room", a.Room)
	l.Tag("kind", a.Kind)
	l.Tag("severity", a.Severity)
	// Two sensors that die at once begin two alerts of one kind in the same millisecond.
	l.Tag("alert", a.ID)
	l.Bool("active", a.EndedMillis == 0)
	l.Text("evidence", a.Evidence)
	l.Text("source", a.Source)
	l.End(alertMillis(a))
}

// alertMillis is when it ended, or else began.
func alertMillis(a wire.Alert) int64 { return cmp.Or(a.EndedMillis, a.BeganMillis) }

func appendAnswer(l *line.Writer, a wire.Answer) {
	l.Begin("answer")
	l.Tag("room", a.Room)
	l.Tag("kind", a.Kind)
	l.Tag("alert", a.Alert)
	l.Text("who", a.Who)
	l.Text("why", a.Why)
	if a.UntilMillis != 0 {
		l.Int("until", a.UntilMillis)
	}
	l.End(a.TimeMillis)
}

func appendPower(l *line.Writer, p wire.Power) {
	l.Begin("power")
	l.Tag("room", p.Room)
	l.Tag("ac", p.AC)
	l.Float("watts", p.Watts)
	if p.Simulated {
		l.Bool("simulated", true)
	}
	l.End(p.TimeMillis)
}
