package spec

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// word checks that a value is one of a few; empty is the default.
func (c *check) word(path, what, value string, known ...string) {
	if value != "" && !slices.Contains(known, value) {
		c.add(path, "%s %q is unknown%s: write %s", what, value, Suggest(value, known), strings.Join(known, " or "))
	}
}

// lost checks the policy for boxes that no longer answer.
func (c *check) lost() {
	l, path := c.service.Lost, "x-overcloud.lost"
	if l.After != 0 {
		c.duration(path+".after", "after", l.After, 10*time.Second, 7*24*time.Hour)
	}
	c.word(path+".return", "return", l.Return, ReturnReplacement, ReturnOriginal)
	c.word(path+".volumes", "volumes", l.Volumes, VolumesStay, VolumesMove)
}

// use checks how a box may be used.
func (c *check) use(path string, b Box) {
	c.word(path+".availability", "availability", b.Availability, AvailabilityActive, AvailabilityDrain)
	if b.Install && b.SSH == "" && !strings.HasPrefix(b.Engine, "ssh://") {
		c.add(path+".install", "install of box %q needs a way in: add ssh: user@host", b.Name)
	}
}

// update checks how replicas are replaced.
func (c *check) update(path string, f Function) {
	u := f.Update
	if u == nil {
		return
	}
	if u.Parallelism < 0 || u.Parallelism > mostReplicas {
		c.add(path+".parallelism", "parallelism is %d, but it must be from 0 (all at once) to %d", u.Parallelism, mostReplicas)
	}
	c.duration(path+".delay", "delay", u.Delay, 0, time.Hour)
	c.duration(path+".monitor", "monitor", u.Monitor, 0, time.Hour)
	if !(u.MaxFailureRatio >= 0 && u.MaxFailureRatio <= 1) {
		c.add(path+".max_failure_ratio", "max_failure_ratio is %v, but it must be from 0 to 1", u.MaxFailureRatio)
	}
	c.word(path+".failure_action", "failure_action", u.FailureAction, FailureRollback, FailurePause, FailureContinue)
	c.word(path+".order", "order", u.Order, OrderStopFirst, OrderStartFirst)
	if u.Order != OrderStartFirst {
		return
	}
	for _, p := range f.Ports {
		if p.Host != 0 {
			c.add(path+".order", "function %q publishes port %d, which two containers cannot hold at once: write order: stop-first, or leave the published port to the plan",
				f.Name, p.Host)
		}
	}
}

// engineVersion checks the oldest engine that will do.
func (c *check) engineVersion(path, version string) {
	if version != "" && !regexp.MustCompile(`^[0-9]+(\.[0-9]+){0,2}$`).MatchString(version) {
		c.add(path, "engine %q is no version: write 24, 24.0 or 24.0.7", version)
	}
}

// lagSource checks where the lag of a consumer group is to be read.
func (c *check) lagSource(path string, t *Tune) {
	if t.Metric != "kafka-lag" {
		return
	}
	if t.Group == "" {
		c.add(path+".group", "kafka-lag needs the consumer group: add group: NAME")
	}
	if _, known := c.functions[t.Kafka]; !known {
		c.add(path+".kafka", "kafka-lag needs the function whose brokers know the lag, and there is no function %q%s: add kafka: FUNCTION",
			t.Kafka, Suggest(t.Kafka, keys(c.functions)))
	}
}

// runtime checks what an engine would refuse only when the container is made.
func (c *check) runtime(path string, r Runtime) {
	for i, mount := range r.Tmpfs {
		if !strings.HasPrefix(mount, "/") {
			c.add(fmt.Sprintf("%s.tmpfs[%d]", path, i), "tmpfs %q must be an absolute path inside the container", mount)
		}
	}
	if r.WorkingDir != "" && !strings.HasPrefix(r.WorkingDir, "/") {
		c.add(path+".working_dir", "working_dir %q must be an absolute path inside the container", r.WorkingDir)
	}
	if r.ShmBytes < 0 || r.ShmBytes > mostMemory {
		c.add(path+".shm_size", "shm_size is %s, but it must be from 0 to 64T", size(r.ShmBytes))
	}
	for _, limit := range r.Ulimits {
		if limit.Hard >= 0 && limit.Soft > limit.Hard {
			c.add(path+".ulimits."+limit.Name, "soft limit %d is more than the hard limit %d", limit.Soft, limit.Hard)
		}
	}
}
