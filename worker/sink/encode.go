package sink

import (
	"fmt"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
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
//
// The time is the measurement's own; a command, which has none, has its broker's.
type encoder struct {
	rooms map[int]string // room by sensor, for records without a key
}

// append appends the lines of one record to l. Errors are ErrInvalid, for quarantine; l may then hold a
// part of a record, which the caller cuts off.
func (e encoder) append(l *line, record kafka.Record) error {
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
		ack, err := wire.Decode[wire.Ack](record.Value)
		if err != nil {
			return err
		}
		appendAck(l, ack)
	case wire.TopicAlert:
		alert, err := wire.Decode[wire.Alert](record.Value)
		if err != nil {
			return err
		}
		appendAlert(l, alert)
	default:
		return fmt.Errorf("%w: nothing of topic %s is stored", fault.ErrInvalid, record.Topic)
	}
	return nil
}

func (e encoder) temp(l *line, record kafka.Record) error {
	r, text, err := wire.ParseReadingText(string(record.Key), record.Value, record.Time, record.Headers)
	if err != nil {
		return err
	}
	if r.Room == "" {
		if r.Room = e.rooms[r.Sensor]; r.Room == "" {
			return fmt.Errorf("%w: the record has no key, and no room has sensor %d", fault.ErrInvalid, r.Sensor)
		}
	}
	l.begin("temp")
	l.tag("room", r.Room)
	l.tagInt("sensor", r.Sensor)
	quality := "good"
	if r.Bad {
		quality = wire.QualityBad
	}
	l.tag("quality", quality)
	l.number("temperature", r.Celsius, text.Celsius)
	if r.HasHumidity {
		l.number("humidity", r.Humidity, text.Humidity)
	}
	l.text("reason", r.Reason)
	if r.ArrivalTime {
		l.bool("arrival_time", true)
	}
	if r.Unsynchronised {
		l.bool("unsynchronised", true)
	}
	l.end(r.At.UnixMilli())
	return nil
}

func appendResource(l *line, r wire.Resource) {
	l.begin("resource")
	l.tag("box", r.Box)
	l.known("uptime_s", r.UptimeS)
	l.known("load1", r.Load1)
	l.known("cpu_percent", r.CPUPercent)
	l.known("cpu_user_percent", r.UserPct)
	l.known("cpu_system_percent", r.SystemPct)
	l.known("cpu_idle_percent", r.IdlePct)
	l.known("mem_total_bytes", r.MemTotal)
	l.known("mem_available_bytes", r.MemAvail)
	l.text("ip", r.IP)
	l.text("source", r.Source)
	if r.ArrivalTime {
		l.bool("arrival_time", true)
	}
	l.int("disks", int64(len(r.Disks))) // so that no line is without a field
	l.end(r.TimeMillis)
	for _, disk := range r.Disks {
		l.begin("disk")
		l.tag("box", r.Box)
		l.tag("disk", disk.Path)
		l.float("used_percent", disk.Percent)
		l.end(r.TimeMillis)
	}
	for _, nic := range r.Interfaces {
		appendInterface(l, r, nic)
	}
}

func appendInterface(l *line, r wire.Resource, nic wire.Interface) {
	start := len(l.buf)
	l.begin("interface")
	l.tag("box", r.Box)
	l.tag("interface", nic.Name)
	l.known("in_bytes_s", nic.InBytes)
	l.known("out_bytes_s", nic.OutBytes)
	l.known("in_errors_s", nic.InErrors)
	l.known("out_errors_s", nic.OutErrors)
	l.known("in_discards_s", nic.InDiscards)
	l.known("out_discards_s", nic.OutDiscards)
	if t := nic.Totals; t != nil {
		l.known("in_bytes_total", t.InBytes)
		l.known("out_bytes_total", t.OutBytes)
		l.known("in_errors_total", t.InErrors)
		l.known("out_errors_total", t.OutErrors)
		l.known("in_discards_total", t.InDiscards)
		l.known("out_discards_total", t.OutDiscards)
	}
	if l.fields == 0 { // the first poll knows no rates
		l.buf = l.buf[:start]
		return
	}
	l.end(r.TimeMillis)
}

func appendCommand(l *line, c wire.Command, millis int64) {
	l.begin("command")
	l.tag("room", c.Room)
	l.tag("ac", c.AC)
	l.int("setpoint", int64(c.Setpoint))
	l.bool("power", c.Power)
	l.int("revision", c.Revision)
	l.bool("emergency", c.Emergency)
	l.text("reason", c.Reason)
	l.text("id", c.ID)
	l.end(millis)
}

func appendAck(l *line, a wire.Ack) {
	l.begin("ack")
	l.tag("room", a.Room)
	l.tag("ac", a.AC)
	l.tag("state", a.State)
	l.int("setpoint", int64(a.Setpoint))
	l.bool("power", a.Power)
	l.int("revision", a.Revision)
	l.text("source", a.Source)
	l.text("evidence", a.Evidence)
	l.bool("simulated", a.Simulated)
	l.text("id", a.ID)
	l.end(a.TimeMillis)
}

func appendAlert(l *line, a wire.Alert) {
	l.begin("alert")
	l.tag("room", a.Room)
	l.tag("kind", a.Kind)
	l.tag("severity", a.Severity)
	// Two sensors that die at once begin two alerts of one kind in the same millisecond.
	l.tag("alert", a.ID)
	l.bool("active", a.EndedMillis == 0)
	l.text("evidence", a.Evidence)
	l.text("source", a.Source)
	if a.EndedMillis != 0 {
		l.end(a.EndedMillis)
		return
	}
	l.end(a.BeganMillis)
}
