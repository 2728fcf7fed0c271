package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/overcloud/overcloud/edge/agent"
	"github.com/overcloud/overcloud/edge/coap"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/internal/kafka"
)

// settings says what is configured. That it is valid was found before.
func (s *sweep) settings(context.Context) []Line {
	sensors, machines := 0, 0
	for _, r := range s.Config.Rooms {
		for _, one := range r.Sensors {
			if one.Box == s.Config.Box {
				sensors++
			}
		}
		for _, one := range r.AirConditioners {
			if one.Box == s.Config.Box {
				machines++
			}
		}
	}
	from := s.File
	if from == "" {
		from = "the environment"
	}
	l := Line{
		Group: "machine", Name: "settings", State: OK,
		Found: fmt.Sprintf("%s: box %s has %s and %s, and polls %d more", from, s.Config.Box,
			count(sensors, "sensor"), count(machines, "air conditioner"), len(s.Config.Targets)),
	}
	if sensors+machines == 0 {
		l.State, l.Do = Warn, "nothing stands at this box: compare box with the boxes of the sensors under rooms"
	}
	return []Line{l}
}

// user warns who may do more than the daemon: what the daemon is refused would not be seen.
func (s *sweep) user(context.Context) []Line {
	const daemon = "overcloud-edge" // as the Debian package calls it
	users, err := os.ReadFile("/etc/passwd")
	if err != nil || os.Geteuid() != 0 || !strings.Contains("\n"+string(users), "\n"+daemon+":") {
		return nil
	}
	return []Line{{
		Group: "machine", Name: "user", State: Warn, Found: "root may do more than the daemon's user " + daemon + ", whose rights are not tried so",
		Do: "sudo -u " + daemon + " edge check",
	}}
}

// clock asks the kernel.
func (s *sweep) clock(context.Context) []Line {
	l := Line{Group: "machine", Name: "clock", State: OK}
	var t unix.Timex
	const unsynchronised = 0x0040 // STA_UNSYNC
	now := time.Now().UTC().Format("2006-01-02 15:04:05Z")
	switch _, err := unix.Adjtimex(&t); {
	case err != nil:
		l.State, l.Found, l.Do = Warn, now+", and the kernel does not say whether it is synchronised: "+err.Error(), "readings may be marked until leases tell the time"
	case t.Status&unsynchronised != 0 && s.Config.Clock == agent.ClockTrusted:
		l.Found = now + ", not synchronised, but clock: trusted"
	case t.Status&unsynchronised != 0:
		l.State, l.Found, l.Do = Warn, now+", not synchronised", "wait for it after a start, or install systemd-timesyncd or chrony; readings are marked meanwhile"
	default:
		l.Found = fmt.Sprintf("%s, synchronised within %s", now, millis(time.Duration(t.Maxerror)*time.Microsecond))
	}
	return []Line{l}
}

// running asks the daemon itself, if one runs.
func (s *sweep) running(ctx context.Context) []Line {
	l := Line{Group: "machine", Name: "daemon", State: OK}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	switch err := fn.ProbeHealth(ctx, s.Config.Listen); {
	case err == nil:
		l.Found = "runs and is well at " + s.Config.Listen
	case errors.Is(err, fault.ErrUnhealthy):
		l.State, l.Found, l.Do = Failed, plain(err), "see its log: journalctl -u overcloud-edge"
	default:
		l.Found = "does not run, or not at " + s.Config.Listen
	}
	return []Line{l}
}

// disk looks at the folder of the queues and at what is in it. It opens no queue: that is the daemon's.
func (s *sweep) disk(context.Context) []Line {
	return []Line{s.space(), s.queues()}
}

func (s *sweep) space() Line {
	return tried("machine", "disk", func() (string, error) {
		if _, err := os.Stat(s.Config.Dir); errors.Is(err, fs.ErrNotExist) {
			if err := os.MkdirAll(s.Config.Dir, 0o700); err != nil {
				return "", err
			}
			defer os.Remove(s.Config.Dir) //nolint:errcheck // the daemon makes it as its own
		}
		file, err := os.CreateTemp(s.Config.Dir, ".check-*")
		if err != nil {
			return "", err
		}
		defer os.Remove(file.Name()) //nolint:errcheck // a file of nothing under a name of its own
		began := time.Now()
		_, err = file.Write(make([]byte, 4096))
		if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
			return "", err
		}
		took := time.Since(began)
		var disk unix.Statfs_t
		if err := unix.Statfs(s.Config.Dir, &disk); err != nil {
			return "", err
		}
		free, need := int64(disk.Bavail)*int64(disk.Bsize), s.Config.Spool.Bytes*7/4 //nolint:unconvert // their types differ between machines
		found := fmt.Sprintf("%s: %d MiB free, a write reaches the disk in %s", s.Config.Dir, free>>20, millis(took))
		if free < need {
			return found, fmt.Errorf("the queues may grow to %d MiB", need>>20)
		}
		return found, nil
	}, s.folder("make room, or lower spool.size"))
}

// folder is the advice for the folder of the queues.
func (s *sweep) folder(otherwise string) func(error) string {
	return func(err error) string {
		if errors.Is(err, fs.ErrPermission) {
			return "give the folder to the daemon's user: sudo install -d -m 700 -o overcloud-edge -g overcloud-edge " + s.Config.Dir
		}
		return otherwise
	}
}

// queues counts what waits and what was set aside.
func (s *sweep) queues() Line {
	l := Line{Group: "machine", Name: "queues", State: OK}
	var bytes, damaged int64
	files := 0
	err := filepath.WalkDir(filepath.Join(s.Config.Dir, "spool"), func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the daemon was faster
		}
		if err != nil {
			return err
		}
		if strings.HasSuffix(entry.Name(), ".damaged") {
			damaged++
			return nil
		}
		files++
		bytes += info.Size()
		return nil
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.Found = "none yet"
	case err != nil:
		l.State, l.Found, l.Do = Failed, err.Error(), s.folder("look at the disk")(err)
	default:
		l.Found = fmt.Sprintf("%s, %d KiB", count(files, "file"), bytes>>10)
	}
	if share := float64(bytes) / float64(max(1, s.Config.Spool.Bytes*7/4)); share > 0.5 {
		l.State, l.Do = Warn, fmt.Sprintf("they are %.0f %% full: is Kafka away? see edge status", 100*share)
	}
	if damaged > 0 {
		l.State = Warn
		l.Found += fmt.Sprintf(", %d damaged set aside", damaged)
		l.Do = "what could be read of them was kept; remove " + filepath.Join(s.Config.Dir, "spool") + "/*/*.damaged when you have looked at them; a worn SD card does this"
	}
	return l
}

// kafka asks the cluster for its metadata.
func (s *sweep) kafka(ctx context.Context) []Line {
	ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	began := time.Now()
	return []Line{tried("kafka", strings.Join(s.Config.Brokers, ","), func() (string, error) {
		if err := kafka.Ping(ctx, s.Config.Broker()); err != nil {
			return "", err
		}
		return "answers in " + millis(time.Since(began)), nil
	}, func(err error) string {
		if errors.Is(err, fault.ErrUnauthorised) {
			return "compare user, password and mechanism under kafka"
		}
		return "readings wait on disk meanwhile; is the address right, and does a firewall let this box through? A broker behind TLS needs tls: true"
	})}
}

// coap says whether the old way of orders is open, and tries its port when no daemon has it.
func (s *sweep) coap(ctx context.Context) []Line {
	c := s.Config.CoAP
	if c.Listen == "" {
		return nil
	}
	return []Line{tried("coap", c.Listen, func() (string, error) {
		if err := coap.Config(c).Validate(); err != nil {
			return "", err
		}
		if s.running(ctx)[0].State == OK && strings.HasPrefix(s.running(ctx)[0].Found, "runs") {
			return "open, by the daemon that runs", nil
		}
		var l net.ListenConfig
		socket, err := l.ListenPacket(ctx, "udp", c.Listen)
		if err != nil {
			return "", err
		}
		return "can be opened", socket.Close()
	}, func(error) string { return "see coap in docs/edge.md" })}
}
