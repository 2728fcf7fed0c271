package wire

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Validate refuses a command that no edge should act on.
func (c Command) Validate() error {
	faults := []error{
		checkName("id", c.ID), checkName("room", c.Room), checkName("ac", c.AC),
		checkRevision(c.Revision), checkTTL(c.TTLMillis), checkText("reason", c.Reason),
		checkOneOf("origin", c.Origin, "", OriginRules, OriginPerson),
	}
	if c.Power {
		faults = append(faults,
			checkSetpoint("setpoint", c.Setpoint),
			checkOneOf("mode", c.Mode, "cool"),
			checkOneOf("fan", c.Fan, "auto", "low", "medium", "high"))
	}
	return errors.Join(faults...)
}

// Validate refuses a lease that renews nothing.
func (l Lease) Validate() error {
	return errors.Join(checkName("room", l.Room), checkRevision(l.Revision),
		checkTTL(l.TTLMillis), checkText("holder", l.Holder))
}

// Validate refuses an ack that cannot be matched with an air conditioner.
func (a Ack) Validate() error {
	faults := []error{
		checkName("room", a.Room), checkName("ac", a.AC),
		checkOneOf("state", a.State, AckSent, AckConfirmed, AckRejected),
		checkOneOf("source", a.Source, "command", "refresh", "fail-safe", "hand remote", "coap"),
		checkText("evidence", a.Evidence), checkTime("time_ms", a.TimeMillis),
	}
	if a.Source == "command" {
		// What an edge does of its own accord answers no command.
		faults = append(faults, checkName("id", a.ID), checkRevision(a.Revision))
	}
	if a.Power && a.State != AckRejected {
		faults = append(faults, checkSetpoint("setpoint", a.Setpoint))
	}
	return errors.Join(faults...)
}

// Validate refuses an alert that nobody could show or end.
func (a Alert) Validate() error {
	faults := []error{
		checkName("id", a.ID), checkName("room", a.Room), checkName("kind", a.Kind), checkName("source", a.Source),
		checkOneOf("severity", a.Severity, SeverityWarning, SeverityHigh, SeverityCritical),
		checkText("evidence", a.Evidence), checkTime("began_ms", a.BeganMillis),
	}
	if a.EndedMillis != 0 {
		faults = append(faults, checkTime("ended_ms", a.EndedMillis))
		if a.EndedMillis < a.BeganMillis {
			faults = append(faults, refused("ended_ms %d is before began_ms %d", a.EndedMillis, a.BeganMillis))
		}
	}
	return errors.Join(faults...)
}

// Validate refuses an intent that the control loop could not act on.
func (i Intent) Validate() error {
	faults := []error{
		checkName("room", i.Room), checkRevision(i.Revision), checkTime("time_ms", i.TimeMillis),
	}
	if len(i.Policy) > 0 {
		policy := bytes.TrimSpace(i.Policy)
		object := len(policy) > 0 && policy[0] == '{' || string(policy) == "null"
		if !object || !json.Valid(policy) {
			faults = append(faults, refused("policy is no JSON object"))
		}
	}
	for _, ac := range i.ACs {
		faults = append(faults, checkName("ac", ac.AC), checkText("reason", ac.Reason),
			checkSetpoint("desired", ac.Desired))
		if ac.Auto != 0 { // zero: the rules have not spoken yet
			faults = append(faults, checkSetpoint("auto", ac.Auto))
		}
	}
	return errors.Join(faults...)
}

// The most that any box can say: 2^63 bytes, and rates of a petabyte a second.
const maxBytes, maxRate, maxUptimeS = 1 << 63, 1e15, 100 * 366 * 86400

// Validate refuses what no box can measure.
func (r Resource) Validate() error {
	faults := []error{
		checkName("box", r.Box), checkTime("time_ms", r.TimeMillis), checkText("ip", r.IP), checkText("source", r.Source),
		checkRange("uptime_s", r.UptimeS, 0, maxUptimeS), checkRange("load1", r.Load1, 0, 1e6),
		// Rounding of counters may show a hair more than everything.
		checkRange("cpu_percent", r.CPUPercent, 0, 101), checkRange("cpu_user_percent", r.UserPct, 0, 101),
		checkRange("cpu_system_percent", r.SystemPct, 0, 101), checkRange("cpu_idle_percent", r.IdlePct, 0, 101),
		checkRange("mem_total_bytes", r.MemTotal, 0, maxBytes), checkRange("mem_available_bytes", r.MemAvail, 0, maxBytes),
	}
	if len(r.Disks) > maxDisks || len(r.Interfaces) > maxInterfaces {
		return refused("a box with %d disks and %d interfaces: at most %d and %d", len(r.Disks), len(r.Interfaces), maxDisks, maxInterfaces)
	}
	for _, disk := range r.Disks {
		faults = append(faults, checkName("disk path", disk.Path), checkRange("used_percent of "+disk.Path, &disk.Percent, 0, 101))
	}
	for _, nic := range r.Interfaces {
		faults = append(faults, nic.validate())
	}
	for _, sentence := range r.LeftOut {
		faults = append(faults, checkText("left_out", sentence))
	}
	return errors.Join(faults...)
}

func (i Interface) validate() error {
	faults := []error{checkName("interface", i.Name)}
	for _, rate := range []*float64{i.InBytes, i.OutBytes, i.InErrors, i.OutErrors, i.InDiscards, i.OutDiscards} {
		faults = append(faults, checkRange("a rate of interface "+i.Name, rate, 0, maxRate))
	}
	if t := i.Totals; t != nil {
		for _, total := range []*float64{t.InBytes, t.OutBytes, t.InErrors, t.OutErrors, t.InDiscards, t.OutDiscards} {
			faults = append(faults, checkRange("a total of interface "+i.Name, total, 0, maxBytes))
		}
	}
	return errors.Join(faults...)
}

func checkRevision(n int64) error {
	if n <= 0 {
		return refused("revision %d is not above zero", n)
	}
	return nil
}

func checkTTL(millis int64) error {
	if millis <= 0 || millis > maxTTLMillis {
		return refused("ttl_ms %d is not between 1 and %d (7 days)", millis, maxTTLMillis)
	}
	return nil
}
