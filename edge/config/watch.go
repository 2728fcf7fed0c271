package config

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// lookEvery is how often the file is looked at. A stat costs microseconds, and a person who saves waits for seconds.
const lookEvery = 2 * time.Second

// Watch hands over the configuration again whenever the file has changed, and on SIGHUP, until ctx ends; or what is
// wrong with it. Without a file only SIGHUP counts. Take is called from one goroutine.
func Watch(ctx context.Context, file string, getenv func(string) string, take func(Loaded, error)) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	last := seen(file)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
		case <-look.C:
			if seen(file) == last {
				continue
			}
		}
		// A file that is being written may be half there; what it becomes is a change of its own.
		last = seen(file)
		take(Load(file, getenv))
	}
}

// look tells one state of a file from another.
type look struct {
	size     int64
	modified time.Time
	inode    uint64
}

func seen(file string) look {
	if file == "" {
		return look{}
	}
	info, err := os.Stat(file)
	if err != nil {
		return look{}
	}
	l := look{size: info.Size(), modified: info.ModTime()}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		l.inode = stat.Ino
	}
	return l
}
